using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace Nexus.Kernel.Caching;

/// <summary>Connects the cache with what nodes share, from the moment its plugin is active until it leaves; tells levels what they missed; sweeps what has ended. Says whether the configured levels answer.</summary>
internal sealed class CacheUpkeep(IServiceProvider host, LayeredCache cache, EdgePurge edges, CacheOptions options, TimeProvider time, ILogger<LayeredCache> log) : IHostedService, IDependencyHealth, ICommitListener, IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(250);
    private const int BeatsToSweep = 120;

    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private IDisposable? following;
    private IDisposable? listening;
    private SharedPorts? taken;
    private DatabaseLevel? database;
    private Task beats = Task.CompletedTask;

    public string Name => "cache";

    public bool Essential => false;

    private bool IsShared => options.Type is not CacheLevels.Memory;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        cache.TagsRemoved = edges.Purge;
        if (options.Database)
            cache.Attach(Levels(null), null);
        if (IsShared && host.GetService<IPlugins>() is { } plugins)
        {
            following = ChangeToken.OnChange(plugins.GetChangeToken, () => Take(plugins.Current));
            Take(plugins.Current);
        }
        beats = BeatAsync();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        following?.Dispose();
        await ending.CancelAsync();
        await beats;
        listening?.Dispose();
    }

    public void Dispose() => ending.Dispose();

    /// <summary>Records of resources were written: what was made of them is gone. Documents and the platform's own tables are nobody's tags.</summary>
    public void Committed(WriteBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        string? last = null;
        foreach (var write in batch.Writes)
        {
            if (write.Key.Table is IStorage.Documents or IStorage.Answers)
                continue;
            var tag = CacheSpace.ResourceTag(write.Key.Tenant, CacheTags.OfResource(write.Key.Table));
            if (tag != last)
                cache.RemoveTagSoon(last = tag);
        }
    }

    public async ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken)
    {
        if (IsShared && taken is null)
            return new PluginHealth(HealthLevel.Degraded, $"cache.type is {options.Type}, and no active plugin brings it. This node caches in its own memory only. Enable the plugin, or set cache.type to memory.");
        var details = new List<string>();
        var level = HealthLevel.Healthy;
        foreach (var one in cache.Shared)
        {
            var state = await one.LookAsync(cancellationToken);
            if (state is not null && one.IsBehind)
                Worse($"{one.Name} is being told the removals that it missed.");
            else if (state is not null)
                details.Add(FormattableString.Invariant($"{one.Name} answers in {state.Latency.TotalMilliseconds:0.0} ms."));
            else
                Worse($"{one.Name}: {one.Failure ?? "no answer"} Values are cached in this node's memory and loaded anew.");
        }
        if (edges.Failure is { } failure)
            Worse($"An edge cache could not be told to forget, and may serve what has changed: {failure}");
        if (!cache.IsConnected)
            Worse("Changes on other nodes are not heard; memory is served for a short time only.");
        return new PluginHealth(level, details.Count == 0 ? null : string.Join(" ", details));

        void Worse(string what)
        {
            level = HealthLevel.Degraded;
            details.Add(what);
        }
    }

    private void Take(PlatformSnapshot snapshot)
    {
        lock (gate)
        {
            var found = snapshot.Plugins.FirstOrDefault(p => p.Shared?.Name == options.Type)?.Shared;
            if (ReferenceEquals(found, taken))
                return;
            taken = found;
            listening?.Dispose();
            listening = null;
            cache.Attach(Levels(found), found?.Broadcast);
            if (found?.Broadcast is { } messages)
            {
                // Until the first word of the connection nothing is heard.
                cache.Connected(false);
                listening = messages.Subscribe(CacheNotice.Channel, new BroadcastListener(cache.Receive, cache.Connected));
            }
            log.LogInformation("cache.levels {Levels}", string.Join(", ", cache.Shared.Select(l => l.Name).Prepend(CacheLevels.Memory)));
        }
    }

    private IEnumerable<SharedLevel> Levels(SharedPorts? ports)
    {
        if (ports?.Cache is { } level)
            yield return new SharedLevel(ports.Name, level, options, time, log);
        if (options.Database && host.GetService<IStorage>() is { } storage)
            yield return new SharedLevel(DatabaseLevel.Name, database ??= new DatabaseLevel(storage, time), options, time, log);
    }

    private async ValueTask SweepDatabaseAsync()
    {
        try
        {
            if (database is not null)
                await database.SweepAsync(ending.Token);
        }
        catch (NexusException exception)
        {
            log.LogWarning("cache.unswept {Reason}", exception.Message);
        }
    }

    private async Task BeatAsync()
    {
        using var timer = new PeriodicTimer(Beat, time);
        try
        {
            for (var beat = 1; await timer.WaitForNextTickAsync(ending.Token); beat++)
            {
                await cache.CatchUpAsync(ending.Token);
                if (beat % BeatsToSweep != 0)
                    continue;
                cache.Memory.Sweep(time.GetTimestamp());
                await SweepDatabaseAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }
}
