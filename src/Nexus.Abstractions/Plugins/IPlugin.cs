using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>A plugin: the one type an author must know.</summary>
public interface IPlugin
{
    /// <summary>Declares what the plugin has. Neither blocks nor does I/O; every call on <paramref name="plugin"/> records a descriptor.</summary>
    void Configure(IPluginBuilder plugin);
}

/// <summary>What <see cref="IPlugin.Configure"/> declares into. Everything else is an extension method that records a <see cref="Contribution"/> in <see cref="Services"/>.</summary>
public interface IPluginBuilder
{
    /// <summary>The plugin's id, such as <c>finance.ledger</c>.</summary>
    string Id { get; }

    /// <summary>The plugin's own container: one provider a generation; host services are forwarded in by instance.</summary>
    IServiceCollection Services { get; }

    /// <summary>The plugin's section of the configuration (<c>plugins:{id}</c>).</summary>
    IConfiguration Configuration { get; }
}

/// <summary>Optional ability of a plugin class: work at start, before any request reaches this generation.</summary>
public interface IStart
{
    /// <summary>Starts the plugin. An exception fails the generation; on a swap the old one keeps serving.</summary>
    Task StartAsync(IServiceProvider services, CancellationToken cancellationToken);
}

/// <summary>Optional ability of a plugin class: work at stop, after the last request has left this generation.</summary>
public interface IStop
{
    /// <summary>Stops the plugin; called exactly once, bounded by <c>plugins:stopTimeout</c>.</summary>
    Task StopAsync(IServiceProvider services, CancellationToken cancellationToken);
}

/// <summary>Optional ability of a plugin class: tells whether it can do its work.</summary>
public interface ICheckHealth
{
    /// <summary>Called before a generation is published, during the watch period and by <c>/health</c>.</summary>
    Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken);
}

/// <summary>A plugin's own judgement of its health.</summary>
/// <param name="Status">The judgement.</param>
/// <param name="Detail">What is wrong and what to do, or null.</param>
public sealed record PluginHealth(HealthLevel Status, string? Detail = null)
{
    /// <summary>All is well.</summary>
    public static PluginHealth Healthy { get; } = new(HealthLevel.Healthy);
}

/// <summary>Three levels of health, best first.</summary>
public enum HealthLevel
{
    /// <summary>Works.</summary>
    Healthy,

    /// <summary>Serves, but something is wrong.</summary>
    Degraded,

    /// <summary>Does not do its work; a generation that says so before publication is never published.</summary>
    Unhealthy,
}
