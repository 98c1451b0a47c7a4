using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Engines.Telemetry;

/// <summary>Exports what the node tells of itself by OTLP. Without an address it makes nothing, so that nobody listens and no span is made.</summary>
public sealed class TelemetryPlugin : IPlugin, IStart, IStop
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.Services.AddSingleton<Exports>();
    }

    /// <inheritdoc/>
    public Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.GetService<NodeSettings>() is { } node && TelemetrySettings.Read(node.Root, Environment.GetEnvironmentVariable) is { } settings)
            services.GetRequiredService<Exports>().Begin(settings, services.GetService<ILogSinks>());
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(services);
        // What waits is sent, for a few seconds at most.
        return Task.Run(services.GetRequiredService<Exports>().End, CancellationToken.None);
    }
}
