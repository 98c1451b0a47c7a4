using Microsoft.AspNetCore.Http;

namespace Nexus;

/// <summary>Under which address the node is reached. Core plugins get it. Thread-safe.</summary>
public interface INodeAddress
{
    /// <summary>For links in letters and names in tokens: <c>server.publicUrl</c>, else where the node listens, HTTPS first. Certain once the port is open. Without a slash at its end.</summary>
    string Public { get; }

    /// <summary>Where other nodes reach this one: where it listens, whatever stands in front of it. Without a slash at its end.</summary>
    string Own => Public;

    /// <summary>Where other nodes reach this one by HTTP/2: <see cref="Own"/> with TLS, else the port for it; null when it has none. Without a slash at its end.</summary>
    string? OwnHttp2 => Own.StartsWith("https:", StringComparison.OrdinalIgnoreCase) ? Own : null;

    /// <summary>As the caller of a request reaches it: <c>server.publicUrl</c>, else scheme and host of the request where <c>server.allowedHosts</c> names that host or it is one of this machine, else <see cref="Public"/>. Never a host that merely a caller wrote. Without a slash at its end.</summary>
    /// <param name="request">The request that is being served.</param>
    string Of(HttpContext request);
}
