using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus;

/// <summary>
/// Write-behind: values are in the cache at once and are written to where they live a moment later, several together; of several writes of one key meanwhile only the last.
/// What is not written yet is lost when the process is killed or its machine dies: at most what came within one interval, and what a failing write holds back. An orderly stop writes everything. Thread-safe.
/// </summary>
public sealed class WriteBehind : IHostedService, IAsyncDisposable
{
    private readonly ICache cache;
    private readonly WriteBehindRules rules;
    private readonly TimeProvider time;
    private readonly ILogger? log;
    private readonly Lock gate = new();
    private readonly SemaphoreSlim writing = new(1);
    private readonly CancellationTokenSource ending = new();
    private Dictionary<CacheKey, ReadOnlyMemory<byte>> pending = [];
    private Dictionary<CacheKey, ReadOnlyMemory<byte>> underWay = [];
    private Task rounds = Task.CompletedTask;

    /// <summary>Makes one; <c>AddWriteBehind</c> does so in a plugin.</summary>
    public WriteBehind(ICache cache, WriteBehindRules rules, TimeProvider time, ILogger? log) => (this.cache, this.rules, this.time, this.log) = (cache, rules, time, log);

    /// <summary>Values that are not written yet.</summary>
    public int Pending
    {
        get
        {
            lock (gate)
                return pending.Count + underWay.Keys.Count(key => !pending.ContainsKey(key));
        }
    }

    /// <summary>Takes a value over. When too many wait, it waits until they are written.</summary>
    /// <exception cref="Exception">What the write threw, when too many wait already.</exception>
    public async ValueTask SetAsync(CacheKey key, ReadOnlyMemory<byte> value, CacheRules? rules = null, CancellationToken cancellationToken = default)
    {
        if (Pending >= this.rules.MaxPending)
            await FlushAsync(cancellationToken);
        lock (gate)
            pending[key] = value;
        await cache.SetAsync(key, value, rules, cancellationToken);
    }

    /// <summary>Finds a value: among those not written yet, which an eviction cannot take, then in the cache.</summary>
    public ValueTask<CachedValue> FindAsync(CacheKey key, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            if (pending.TryGetValue(key, out var value) || underWay.TryGetValue(key, out value))
                return new(new CachedValue("pending", value));
        }
        return cache.FindAsync(key, cancellationToken);
    }

    /// <summary>Writes everything that waits now.</summary>
    /// <exception cref="Exception">What the write threw; nothing is lost, it is tried again with the next round.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        await writing.WaitAsync(cancellationToken);
        try
        {
            lock (gate)
            {
                if (pending.Count == 0)
                    return;
                (underWay, pending) = (pending, []);
            }
            await rules.Write([.. underWay.Select(w => KeyValuePair.Create(w.Key, w.Value))], cancellationToken);
            lock (gate)
                underWay = [];
        }
        catch
        {
            lock (gate)
            {
                // What came meanwhile is newer.
                foreach (var (key, value) in underWay)
                    pending.TryAdd(key, value);
                underWay = [];
            }
            throw;
        }
        finally
        {
            writing.Release();
        }
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        rounds = RunAsync();
        return Task.CompletedTask;
    }

    /// <summary>Writes what waits.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await ending.CancelAsync();
        await rounds.WaitAsync(cancellationToken);
        await FlushAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await rounds;
        ending.Dispose();
        writing.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(rules.Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(ending.Token))
                await TryFlushAsync();
        }
        catch (OperationCanceledException)
        {
            // The plugin stops; StopAsync writes the rest.
        }
    }

    private async ValueTask TryFlushAsync()
    {
        try
        {
            await FlushAsync(ending.Token);
        }
        catch (Exception exception) when (!ending.IsCancellationRequested)
        {
            log?.LogWarning("{Pending} values of the cache could not be written; they are tried again: {Reason}", Pending, exception.Message);
        }
    }
}

/// <summary>How values are written behind.</summary>
/// <param name="Write">Writes values durably; either all or, when it throws, they come again.</param>
/// <param name="Interval">Time between two rounds.</param>
public sealed record WriteBehindRules(Func<ImmutableArray<KeyValuePair<CacheKey, ReadOnlyMemory<byte>>>, CancellationToken, ValueTask> Write, TimeSpan Interval)
{
    /// <summary>Values that may wait; one more waits until they are written.</summary>
    public int MaxPending { get; init; } = 10_000;
}
