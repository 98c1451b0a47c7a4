using System.Collections.Concurrent;
using System.IO.Enumeration;

namespace Nexus.Kernel.Tests.Caching;

/// <summary>A level and a broadcast that several caches of a test share, in memory, by its own clock.</summary>
internal sealed class FakeEngine(TimeProvider time) : ICacheLevel, IBroadcast
{
    private readonly Dictionary<string, (CacheRecord Record, DateTimeOffset Stored)> records = [];
    private readonly Dictionary<string, (string Claim, DateTimeOffset Until)> claims = [];
    private readonly ConcurrentDictionary<BroadcastListener, bool> listeners = new();
    private readonly Lock gate = new();

    /// <summary>Every call throws.</summary>
    public bool IsDown { get; set; }

    /// <summary>Calls that came, told or not.</summary>
    public int Calls { get; private set; }

    public ICollection<string> Keys
    {
        get
        {
            lock (gate)
                return [.. records.Keys];
        }
    }

    /// <summary>Awaited with the key before an answer that is known already arrives.</summary>
    public Func<string, Task>? OnTheWay { get; set; }

    public async ValueTask<CacheAnswer> FindAsync(string key, TimeSpan claim, CancellationToken cancellationToken)
    {
        var answer = await Find(key, claim);
        if (OnTheWay is { } wait)
            await wait(key);
        return answer;
    }

    private ValueTask<CacheAnswer> Find(string key, TimeSpan claim)
    {
        lock (gate)
        {
            Check();
            var now = time.GetUtcNow();
            CacheRecord? found = records.TryGetValue(key, out var one) && one.Record is var record && one.Stored + record.Life + record.Stale > now ? record with { Life = record.Life - (now - one.Stored) } : null;
            if (found is { Life.Ticks: > 0 })
                return new(new CacheAnswer(found));
            if (claims.TryGetValue(key, out var other) && other.Until > now)
                return new(new CacheAnswer(found, null, true));
            if (claim <= TimeSpan.Zero)
                return new(new CacheAnswer(found));
            var mine = Guid.NewGuid().ToString("N");
            claims[key] = (mine, now + claim);
            return new(new CacheAnswer(found, mine));
        }
    }

    public ValueTask<bool> StoreAsync(string key, CacheRecord? record, string? claim, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            Check();
            if (claim is not null && (!claims.TryGetValue(key, out var held) || held.Claim != claim))
                return new(false);
            claims.Remove(key);
            if (record is not null)
                records[key] = (record, time.GetUtcNow());
            return new(record is not null);
        }
    }

    public ValueTask<long> RemoveAsync(CacheRemoval removal, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            Check();
            var keys = records.Keys.Concat(claims.Keys).Distinct().Where(k => removal.Keys.Contains(k) || (removal.Pattern is { } pattern && FileSystemName.MatchesSimpleExpression(pattern, k, ignoreCase: false))).ToList();
            keys.ForEach(k => claims.Remove(k));
            return new(keys.Count(records.Remove));
        }
    }

    public ValueTask<long> AddAsync(string key, long by, TimeSpan life, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            Check();
            var sum = by + (records.TryGetValue(key, out var one) ? long.Parse(System.Text.Encoding.UTF8.GetString(one.Record.Value.Span), System.Globalization.CultureInfo.InvariantCulture) : 0);
            records[key] = (new CacheRecord(System.Text.Encoding.UTF8.GetBytes($"{sum}"), life, life, TimeSpan.Zero, []), time.GetUtcNow());
            return new(sum);
        }
    }

    public ValueTask<CacheLevelState> LookAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            Check();
            return new(new CacheLevelState(records.Count, null, TimeSpan.FromMilliseconds(1)));
        }
    }

    public ValueTask PublishAsync(string channel, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (IsDown)
            throw new IOException("The engine is down.");
        foreach (var listener in listeners.Keys)
            listener.Received(message);
        return default;
    }

    public IDisposable Subscribe(string channel, BroadcastListener listener)
    {
        listeners[listener] = true;
        listener.Connected(true);
        return new Subscription(() => listeners.TryRemove(listener, out _));
    }

    /// <summary>Empties it, as a restart without a disk does.</summary>
    public void Clear()
    {
        lock (gate)
        {
            records.Clear();
            claims.Clear();
        }
    }

    private void Check()
    {
        Calls++;
        if (IsDown)
            throw new IOException("The engine is down.");
    }

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
