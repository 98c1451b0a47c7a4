using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security.Callers;

/// <summary>
/// The caller that a development host takes everybody on its own machine for who brings no credentials: as long as no identity plugin
/// has been active in this process, or where <c>security:localAdministrator</c> says so. Never in production.
/// </summary>
internal sealed partial class LocalAdministrator(ActiveIdentity identity, IHostEnvironment environment, SecuritySettings options, ILogger<LocalAdministrator> log)
{
    private readonly bool production = environment.IsProduction();
    private int told;

    /// <summary>The caller itself; recognised by reference, so that nobody becomes it by bearing its name.</summary>
    public static Caller Caller { get; } = new("local", "Local administrator", [], ["administrator"]);

    /// <summary>Whether callers of this machine are the local administrator now.</summary>
    public bool IsServed => !production && (!identity.WasEverActive || options.Current.LocalAdministrator);

    /// <summary>Whether a request that brought no credentials is the local administrator's. A transport without addresses (a Unix socket, a test) is of this machine; one that came through a trusted proxy is where the proxy says.</summary>
    public bool Sent(HttpContext context, IPAddress? address)
    {
        if (!IsServed || address is not null && !IPAddress.IsLoopback(address))
            return false;
        if (Volatile.Read(ref told) == 0 && Interlocked.Exchange(ref told, 1) == 0)
            TellOnce(log);
        return true;
    }

    [LoggerMessage(1, LogLevel.Warning, "Every caller of this machine without credentials is the local administrator. This is for development only; production refuses to start so.")]
    private static partial void TellOnce(ILogger log);
}
