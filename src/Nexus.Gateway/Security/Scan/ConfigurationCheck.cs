using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Transport;

namespace Nexus.Gateway.Security.Scan;

/// <summary>Settings that weaken the node.</summary>
internal sealed class ConfigurationCheck(IServiceProvider host, IConfiguration configuration, IHostEnvironment environment, ServerSettings server, IOptionsMonitor<SecurityOptions> security, IOptions<HttpsOptions> https) : ISecurityCheck
{
    private const string Area = "configuration";

    /// <inheritdoc/>
    public string Name => Area;

    /// <inheritdoc/>
    public Task<ImmutableArray<Finding>> RunAsync(CancellationToken cancellationToken) =>
        Task.FromResult<ImmutableArray<Finding>>([.. Switches().Where(f => f.Found).Select(f => f.Finding), .. Origins(), .. Secrets()]);

    private IEnumerable<(bool Found, Finding Finding)> Switches()
    {
        var now = security.CurrentValue;
        var served = server.Current;
        var address = configuration["server:host"] ?? "127.0.0.1";
        var open = address != "localhost" && !(IPAddress.TryParse(address, out var ip) && IPAddress.IsLoopback(ip));
        yield return (now.LocalAdministrator, One("local-administrator", Severity.High, "security.localAdministrator", "Every caller of this machine without credentials is the administrator.", "Remove it and sign in."));
        yield return (served.AllowedHosts.Contains("*"), One("host-filter-off", Severity.Medium, "server.allowedHosts", "Any Host header is served, so that web pages can reach the node by DNS rebinding.", "Name the host names that the node has."));
        yield return (now.RequestRules != RequestRuleMode.Block, One("request-rules-off", Severity.Medium, "security.requestRules", $"Requests that look like an attack are passed on ({now.RequestRules}).", "Set it to block."));
        yield return (!now.Csrf, One("csrf-off", Severity.High, "security.csrf", "Another site's page can make a signed-in browser change something.", "Set it to true."));
        yield return (!now.Headers, One("headers-off", Severity.Medium, "security.headers", "Answers have no content security policy and can be framed.", "Set it to true."));
        yield return (!now.RateLimits.Enabled, One("rate-limits-off", Severity.Medium, "security.rateLimits.enabled", "One caller can use the whole node up.", "Set it to true."));
        yield return (now.Abuse.FailedLogins == 0, One("login-abuse-off", Severity.Medium, "security.abuse.failedLogins", "Passwords can be tried without end from one address.", "Set it to 10."));
        yield return (now.Connections.PerAddress == 0, One("connection-limit-off", Severity.Low, "security.connections.perAddress", "One address can hold all connections.", "Set it to 500."));
        yield return (now.Connections.BytesPerSecond == 0, One("slow-clients", Severity.Medium, "security.connections.bytesPerSecond", "Clients that send or read by the byte hold connections for ever.", "Set it to 240."));
        yield return (Everybody(now.TrustedProxies), One("trusts-everybody", Severity.High, "security.trustedProxies", "Any caller can claim any address by X-Forwarded-For.", "Name the addresses of your proxies only."));
        yield return (https.Value.Port is null && open, One("plain-http", environment.IsProduction() ? Severity.High : Severity.Medium, "server.https.port", $"The node listens on {address} without TLS.", "Set server.https.port and a certificate, or listen on loopback behind a proxy that speaks TLS."));
        yield return (https.Value is { Port: not null, MinimumTls: not "1.3" }, One("old-tls", Severity.Low, "server.https.minimumTls", "TLS 1.2 is spoken.", "Set it to 1.3 when no client needs the older one."));
        yield return (https.Value is { Port: not null, HstsSeconds: 0 }, One("no-hsts", Severity.Low, "server.https.hstsSeconds", "Browsers may go back to plain HTTP.", "Set it to 31536000."));
        yield return (environment.IsProduction() && string.IsNullOrEmpty(served.PublicUrl), One("no-public-url", Severity.Medium, "server.publicUrl", "Links in letters and the issuer of tokens begin with the host that a request named, where it is an allowed one, or with the address that the node listens on.", "Set it to the address under which users reach the node, such as https://nexus.example.org."));
        yield return (environment.IsDevelopment() && open, One("development-on-network", Severity.Medium, "environment", $"A development host listens on {address}.", "Set the environment to production, or listen on loopback."));
        yield return (configuration["logging:level"] is { } level && (level.Equals("trace", StringComparison.OrdinalIgnoreCase) || level.Equals("debug", StringComparison.OrdinalIgnoreCase)) && environment.IsProduction(), One("verbose-log", Severity.Low, "logging.level", "A production node logs what is meant for debugging.", "Set it to information."));
        yield return (served.Limits.JsonDepth > 64 || served.Limits.JsonBytes > 50 * 1024 * 1024, One("wide-limits", Severity.Low, "server.limits", "JSON bodies may be so large or deep that a few of them use the memory up.", "Lower jsonBytes and jsonDepth."));
    }

    private IEnumerable<Finding> Origins() =>
        server.Current.AllowedOrigins.Where(o => o == "*" || o == "null" || o.StartsWith("http://", StringComparison.OrdinalIgnoreCase) && Uri.TryCreate(o, UriKind.Absolute, out var uri) && !uri.IsLoopback)
            .Select(o => One("weak-origin", Severity.Medium, "server.allowedOrigins", $"Pages of {o} may call with the visitor's sign-in, and nothing proves whose pages they are.", "Name https origins only."));

    /// <summary>Secrets that stand in a file instead of a reference to the environment or a mounted file.</summary>
    private IEnumerable<Finding> Secrets() =>
        host.GetService<ISettings>() is not { } settings ? [] : settings.Show()
            .Where(v => v.Secret && v.Value is not null && v.Source.Contains(':', StringComparison.Ordinal) && !v.Source.StartsWith("variable", StringComparison.Ordinal) && !v.Source.StartsWith("option", StringComparison.Ordinal))
            .Select(v => One("secret-in-file", Severity.Medium, v.Key.Replace(':', '.'), $"A secret stands in {v.Source}.", "Refer to an environment variable: ${NAME}."));

    private static bool Everybody(string[] networks)
    {
        try
        {
            var set = AddressSet.Parse(networks);
            return set.Contains(IPAddress.Parse("8.8.8.8")) && set.Contains(IPAddress.Parse("198.51.100.1"));
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static Finding One(string id, Severity severity, string subject, string detail, string remedy) => new("config." + id, severity, Area, subject, detail, remedy);
}
