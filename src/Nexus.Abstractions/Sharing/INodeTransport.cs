using Microsoft.AspNetCore.Http;

namespace Nexus;

/// <summary>Carries a request to another node and its answer back, streams and sockets too. Which node, how often and what is said of the caller is decided by who calls it. Thread-safe.</summary>
public interface INodeTransport
{
    /// <summary>Sends once. Unless the answer was accepted, nothing of it was sent to the caller, and the request may be sent again.</summary>
    Task<NodeAnswer> SendAsync(HttpContext context, NodeSending sending);
}

/// <summary>One sending of a request.</summary>
/// <param name="Target">The whole address on the node.</param>
/// <param name="Connections">Connections to nodes.</param>
/// <param name="Timeout">Time without a byte after which it ends.</param>
public sealed record NodeSending(Uri Target, HttpMessageInvoker Connections, TimeSpan Timeout)
{
    /// <summary>It is a call of gRPC: over HTTP/2 and nothing else, with trailers, both ways at once; <see cref="Timeout"/> counts until the answer begins, after which either side may be silent.</summary>
    public bool IsCall { get; init; }

    /// <summary>Changes the request that was copied from the caller's.</summary>
    public required Action<HttpRequestMessage> Prepare { get; init; }

    /// <summary>Whether an answer goes to the caller; called before anything of it is copied.</summary>
    public required Func<HttpResponseMessage, bool> Accept { get; init; }

    /// <summary>Called after status and headers of an accepted answer were copied.</summary>
    public required Action Complete { get; init; }
}

/// <summary>What became of a sending.</summary>
/// <param name="Status">Status of the node's answer; 0 when there was none.</param>
/// <param name="Outcome">How it ended.</param>
public readonly record struct NodeAnswer(int Status, NodeOutcome Outcome);

/// <summary>How a sending ended.</summary>
public enum NodeOutcome
{
    /// <summary>The caller has the answer.</summary>
    Answered,

    /// <summary>The answer was not accepted.</summary>
    Refused,

    /// <summary>There was no connection: the node saw nothing of the request.</summary>
    NotReached,

    /// <summary>The node was silent for too long.</summary>
    TimedOut,

    /// <summary>The connection broke; the node may have carried the request out.</summary>
    Broken,

    /// <summary>The caller hung up, or sent a damaged request.</summary>
    CallerLeft,
}
