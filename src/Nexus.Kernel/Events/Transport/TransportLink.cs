using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Events.Transport;

/// <summary>What a transport carries.</summary>
/// <param name="Name">Section of the configuration whose <c>transport</c> names it.</param>
/// <param name="Otherwise">What happens without it, as the beginning of a sentence.</param>
/// <param name="Of">Its port among those that a plugin brings.</param>
internal sealed record Freight(string Name, string Otherwise, Func<SharedPorts, IEventTransport?> Of)
{
    public static Freight Events { get; } = new("events", "Events are delivered from the database", p => p.Events);

    public static Freight Tasks { get; } = new("tasks", "Tasks are taken from the database", p => p.Tasks);
}

/// <summary>The transport that the configuration names, from the moment its plugin is active until it leaves. While the engine does not answer there is none, but for one try a second: work is taken from the store meanwhile. Thread-safe.</summary>
internal sealed class TransportLink(IPlugins plugins, Freight freight, string chosen, TimeProvider time, ILogger<TransportLink> log) : IDependencyHealth
{
    public const string Database = "database";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Less than the time that a health check gets, so that it says what happens meanwhile.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private readonly Lock gate = new();
    private long seen = -1;
    private IEventTransport? found;
    private string? failure;
    private long failedAt;

    public string Name => freight.Name;

    public bool Essential => false;

    public bool IsConfigured => chosen != Database;

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
        log.LogInformation("{Freight}.transport {Transport} answers again", freight.Name, chosen);
    }

    public void Failed(Exception e)
    {
        lock (gate)
        {
            if (failure is null)
                log.LogWarning("{Freight}.transport {Transport} does not answer. {Otherwise} meanwhile: {Error}", freight.Name, chosen, freight.Otherwise, HandlerRun.Describe(e));
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
            return new PluginHealth(HealthLevel.Degraded, $"{freight.Name}.transport is {chosen}, and no active plugin brings it. {freight.Otherwise}. Enable the plugin, or set {freight.Name}.transport to database.");
        try
        {
            var looking = transport.LookAsync([], cancellationToken).AsTask();
            _ = looking.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            var state = await looking.WaitAsync(Patience, time, cancellationToken);
            return new PluginHealth(HealthLevel.Healthy, FormattableString.Invariant($"{chosen} answers in {state.Latency.TotalMilliseconds:0.0} ms."));
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return new PluginHealth(HealthLevel.Degraded, $"{chosen}: {(e is TimeoutException ? $"no answer within {Patience.TotalSeconds:0} s." : e.Message)} {freight.Otherwise} meanwhile.");
        }
    }

    private void Look()
    {
        var current = plugins.Current;
        if (current.Version == seen)
            return;
        // The number only: the snapshot itself would keep an unloaded plugin in memory.
        seen = current.Version;
        var now = current.Plugins.FirstOrDefault(p => p.Shared?.Name == chosen)?.Shared is { } shared ? freight.Of(shared) : null;
        if (ReferenceEquals(now, found))
            return;
        (found, failure) = (now, null);
        log.LogInformation("{Freight}.transport {Transport} {State}", freight.Name, chosen, now is null ? "has left" : "is there");
    }
}
