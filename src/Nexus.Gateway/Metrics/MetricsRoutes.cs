using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Metrics;

/// <summary><c>/metrics</c> for Prometheus.</summary>
internal sealed class MetricsRoutes(NodeMetrics metrics) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/metrics", "getMetrics", "Metrics in the Prometheus text form, or as OpenMetrics where that is accepted", ScrapeToken.Permission, MetricsAsync) { Quiet = true },
    ];

    private async Task MetricsAsync(HttpContext context)
    {
        var to = Exposition.For(context.Request);
        await metrics.WriteAsync(to, context.RequestAborted);
        context.Response.Headers.Vary = "Accept";
        await JsonAnswer.SendBytesAsync(context, to.End(), to.ContentType);
    }
}

/// <summary>A token that opens <c>/metrics</c> and nothing else, so that who collects metrics needs no account. The file of <c>metrics.tokenFile</c> holds it.</summary>
internal sealed class ScrapeToken(IConfiguration configuration)
{
    /// <summary>The permission it stands for.</summary>
    public const string Permission = "platform.metrics:read";
    private const string Scheme = "Bearer ";
    private const int LeastLength = 16;

    /// <summary>Who has it; recognised by reference, so that nobody becomes it by bearing its name.</summary>
    public static Caller Caller { get; } = new("metrics", "Metrics collector", [], []);

    /// <summary>Whether a request for metrics brought it.</summary>
    public bool Sent(HttpContext context, string? authorization)
    {
        if (authorization?.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) != true || context.Request.Path != "/metrics" || configuration["metrics:tokenFile"] is not { Length: > 0 } file)
            return false;
        try
        {
            var token = File.ReadAllText(file).Trim();
            return token.Length >= LeastLength && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
