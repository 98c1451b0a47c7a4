using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Events.Transport;

/// <summary>The transport that the configuration names, from the moment its plugin is active until it leaves. While the engine does not answer there is none, but for one try a second: deliveries are taken from the store meanwhile. Thread-safe.</summary>
internal sealed class TransportLink(IPlugins plugins, IOptions<EventsOptions> options, TimeProvider time, ILogger<TransportLink> log) : IDependencyHealth
{
    public const string Database = "database";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private long seen = -1;
    private IEventTransport? found;
    private string? failure;
    private long failedAt;

    public string Name => "events";

    public bool Essential => false;

    public bool IsConfigured => options.Value.Transport != Database;

    /// <summary>The transport to use now, or null: then the store gives out deliveries itself.</summary>
    public IEventTransport? Current
    {
        get
        {
            if (!IsConfigured)
                return null;
            lock (gate)
            {
                Look();
                return failure is null || time.GetElapsedTime(failedAt) >= Pause ? found : null;
            }
        }
    }

    public void Succeeded()
    {
        if (Volatile.Read(ref failure) is null)
            return;
        lock (gate)
            failure = null;
        log.LogInformation("events.transport {Transport} answers again", options.Value.Transport);
    }

    public void Failed(Exception e)
    {
        lock (gate)
        {
            if (failure is null)
                log.LogWarning("events.transport {Transport} does not answer; events are delivered from the database meanwhile: {Error}", options.Value.Transport, HandlerRun.Describe(e));
            failure = e.Message;
            failedAt = time.GetTimestamp();
        }
    }

    public async ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken)
    {
        if (!IsConfigured)
            return PluginHealth.Healthy;
        IEventTransport? transport;
        lock (gate)
        {
            Look();
            transport = found;
        }

        if (transport is null)
            return new PluginHealth(HealthLevel.Degraded, $"events.transport is {options.Value.Transport}, and no active plugin brings it. Events are delivered from the database. Enable the plugin, or set events.transport to database.");
        try
        {
            var state = await transport.LookAsync([], cancellationToken);
            return new PluginHealth(HealthLevel.Healthy, FormattableString.Invariant($"{options.Value.Transport} answers in {state.Latency.TotalMilliseconds:0.0} ms."));
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return new PluginHealth(HealthLevel.Degraded, $"{options.Value.Transport}: {e.Message} Events are delivered from the database meanwhile.");
        }
    }

    private void Look()
    {
        var current = plugins.Current;
        if (current.Version == seen)
            return;
        // The number only: the snapshot itself would keep an unloaded plugin in memory.
        seen = current.Version;
        var now = current.Plugins.FirstOrDefault(p => p.Shared?.Name == options.Value.Transport)?.Shared?.Events;
        if (ReferenceEquals(now, found))
            return;
        (found, failure) = (now, null);
        log.LogInformation("events.transport {Transport} {State}", options.Value.Transport, now is null ? "has left" : "is there");
    }
}
