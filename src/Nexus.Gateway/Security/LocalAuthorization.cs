using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security;

/// <summary>The policy of a development host without identity: callers of this machine are the local administrator and may do all, others nothing.</summary>
internal sealed class LocalAuthorization : IAuthorization
{
    /// <summary>The caller that a loopback request has.</summary>
    public static Caller Administrator { get; } = new("local", "Local administrator", [], ["administrator"]);

    /// <inheritdoc/>
    public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
        ValueTask.FromResult(context.Caller.Roles.Contains("administrator") || context.Caller.Roles.Contains("system")
            ? new AccessDecision(AccessScope.All, "Callers of this machine are the local administrator of a development host.")
            : new AccessDecision(AccessScope.None, "A development host without identity serves callers of its own machine only."));
}

/// <summary>Finds out who calls, until identity does.</summary>
internal sealed partial class LocalCallers(IAuthorization authorization, ILogger<LocalCallers> log)
{
    private readonly bool local = authorization is LocalAuthorization;
    private int told;

    /// <summary>The caller of a request. A transport without addresses (a Unix socket, a test) is of this machine.</summary>
    public Caller Resolve(HttpContext context)
    {
        if (!local || context.Connection.RemoteIpAddress is { } address && !IPAddress.IsLoopback(address))
            return Caller.Anonymous;
        if (Volatile.Read(ref told) == 0 && Interlocked.Exchange(ref told, 1) == 0)
            TellOnce(log);
        return LocalAuthorization.Administrator;
    }

    [LoggerMessage(1, LogLevel.Warning, "No identity is configured: every caller of this machine is the local administrator. This is for development only; production refuses to start so.")]
    private static partial void TellOnce(ILogger log);
}
