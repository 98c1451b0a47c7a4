using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Health;

/// <summary>
/// <c>/health</c>, <c>/health/live</c> and <c>/health/ready</c>. A failed plugin makes the node degraded, and it still answers 200;
/// only a failed essential plugin or a dead essential dependency makes it unhealthy, 503.
/// </summary>
internal sealed class HealthRoutes(IPlugins plugins, IEnumerable<IDependencyHealth> dependencies) : IPlatformRoutes
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/health", "getHealth", "Health of the core, the plugins and the dependencies", PlatformRoute.Anyone, context => AnswerAsync(context, detailed: true)) { Quiet = true, Answer = Answer.Of<NodeHealth>() },
        new("GET", "/health/live", "getLiveness", "Whether the process answers", PlatformRoute.Anyone, context => JsonAnswer.SendAsync(context, new NodeLiveness(HealthLevel.Healthy))) { Quiet = true, Answer = Answer.Of<NodeLiveness>() },
        new("GET", "/health/ready", "getReadiness", "Whether the node can serve", PlatformRoute.Anyone, context => AnswerAsync(context, detailed: false)) { Quiet = true, Answer = Answer.Of<NodeReadiness>() },
        new("GET", "/ready", "getReady", "As /health/ready", PlatformRoute.Anyone, context => AnswerAsync(context, detailed: false)) { Quiet = true, Answer = Answer.Of<NodeReadiness>() },
    ];

    /// <summary>The health of everything.</summary>
    public async Task<NodeHealth> CheckAsync(CancellationToken cancellationToken)
    {
        var statuses = plugins.List();
        var checks = await Task.WhenAll(dependencies.Select(d => CheckAsync(d, cancellationToken)));
        var ofPlugins = statuses.Where(p => p.Enabled).Select(p => new PartHealth(p.Id, LevelOf(p), p.State is PluginState.Failed or PluginState.Quarantined ? p.Cause : p.Health.Detail, p.State.ToString(), p.Manifest?.Essential ?? false)).ToArray();
        var core = new PartHealth("core", HealthLevel.Healthy, null, $"snapshot {plugins.Current.Version}, {plugins.Current.Plugins.Length} plugins active", true);
        var all = ofPlugins.Concat(checks).ToArray();
        var worst = all.Any(p => p.Essential && p.Status == HealthLevel.Unhealthy) ? HealthLevel.Unhealthy
            : all.Any(p => p.Status != HealthLevel.Healthy) ? HealthLevel.Degraded
            : HealthLevel.Healthy;
        return new NodeHealth(worst, core, ofPlugins, checks);
    }

    private static HealthLevel LevelOf(PluginStatus plugin) => plugin.State switch
    {
        PluginState.Failed or PluginState.Quarantined => HealthLevel.Unhealthy,
        PluginState.Active => plugin.Health.Status,
        _ when plugin.Manifest?.Lazy == true => HealthLevel.Healthy,
        _ => HealthLevel.Degraded,
    };

    private static async Task<PartHealth> CheckAsync(IDependencyHealth dependency, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        double Milliseconds() => Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 3);
        try
        {
            var health = await dependency.CheckAsync(cancellationToken).AsTask().WaitAsync(Patience, cancellationToken);
            return new PartHealth(dependency.Name, health.Status, health.Detail, null, dependency.Essential) { LatencyMs = Milliseconds() };
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            var text = exception is NexusException ? exception.Message : exception is TimeoutException ? $"No answer within {Patience.TotalSeconds} s." : "The check failed; the log has the cause.";
            return new PartHealth(dependency.Name, HealthLevel.Unhealthy, text, null, dependency.Essential) { LatencyMs = Milliseconds() };
        }
    }

    private async Task AnswerAsync(HttpContext context, bool detailed)
    {
        var health = await CheckAsync(context.RequestAborted);
        var status = health.Status == HealthLevel.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        if (detailed)
            await JsonAnswer.SendAsync(context, health, status);
        else
            await JsonAnswer.SendAsync(context, new NodeReadiness(health.Status, [.. health.Plugins.Concat(health.Dependencies).Where(p => p.Status != HealthLevel.Healthy).Select(p => p.Name)]), status);
    }
}

/// <summary>Health of a node.</summary>
internal sealed record NodeHealth(HealthLevel Status, PartHealth Core, IReadOnlyList<PartHealth> Plugins, IReadOnlyList<PartHealth> Dependencies);

/// <summary>Health of one part.</summary>
internal sealed record PartHealth(string Name, HealthLevel Status, string? Detail, string? State, bool Essential)
{
    /// <summary>Milliseconds that the check took; null where nothing was asked.</summary>
    public double? LatencyMs { get; init; }
}

/// <summary>Whether the process answers.</summary>
internal sealed record NodeLiveness(HealthLevel Status);

/// <summary>Whether the node can serve, and the parts that are not well.</summary>
internal sealed record NodeReadiness(HealthLevel Status, IReadOnlyList<string> Reasons);
