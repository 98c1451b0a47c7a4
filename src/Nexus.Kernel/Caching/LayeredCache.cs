using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Caching;

/// <summary>
/// The cache of the node: memory, then the shared levels in order, then the loader.
/// A look-up that memory cannot answer becomes a flight that all readers of the key share:
/// 1. ask the shared levels; what a farther one has is put into the nearer ones. 2. Another node loads: wait for its value, or serve the stale one.
/// 3. Load. 4. Keep the value, unless its key was set or removed or one of its tags was removed since the flight began. 5. A loader that fails is covered by a stale value where there is one.
/// </summary>
internal sealed partial class LayeredCache(CacheOptions options, TimeProvider time, ILogger<LayeredCache> log, Func<string, long?> quotaOf)
{
    private const string StaleLevel = "stale";
    private static readonly TimeSpan StaleAgain = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Flight> flights = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Flight> lookUps = new(StringComparer.Ordinal);
    private readonly MemoryLevel memory = new(options, quotaOf);
    private readonly TagTokens tokens = new();
    private readonly string node = Guid.NewGuid().ToString("N");
    private volatile SharedLevel[] shared = [];
    private volatile IBroadcast? broadcast;
    private long isolatedSince = long.MaxValue;
    private long isolatedUntil = long.MaxValue;

    public CacheCounters Counters { get; } = new();

    public MemoryLevel Memory => memory;

    public IReadOnlyList<SharedLevel> Shared => shared;

    /// <summary>The node hears the others, or there is nothing to hear.</summary>
    public bool IsConnected => Volatile.Read(ref isolatedSince) == long.MaxValue;

    /// <summary>Called with tags that this node removed; must not wait.</summary>
    public Action<IEnumerable<string>>? TagsRemoved { get; set; }

    /// <summary>The node that this cache is of, in notices.</summary>
    public string Node => node;

    public ValueTask<CachedValue> FindAsync(in CacheCall call, CancellationToken cancellationToken)
    {
        if (call.UsesMemory && TryMemory(call.Key, out var hit, out _))
            return new(hit);
        if (!call.UsesShared || shared.Length == 0)
        {
            Counters.Ended(found: false);
            return default;
        }
        return FindSharedAsync(call, cancellationToken);
    }

    public ValueTask<CachedValue> GetAsync(in CacheCall call, CancellationToken cancellationToken)
    {
        if (call.UsesMemory && TryMemory(call.Key, out var hit, out var due))
        {
            if (due)
                Refresh(call);
            return new(hit);
        }
        return FlyAsync(call, cancellationToken);
    }

    public async ValueTask SetAsync(CacheCall call, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        Overtake(call.Key);
        var began = memory.Exclusive(() => tokens.Now);
        if (LifeOf(call.Rules, null) is not { Ticks: > 0 } life)
            return;
        if (await TagsOfAsync(call, default, began, TimeSpan.Zero, cancellationToken) is not { } tags)
        {
            // Removed by tag in this very moment: the removal came last.
            await RemoveKeysAsync([call.Key], cancellationToken);
            return;
        }
        if (call.UsesMemory)
            Keep(call, value, new Span(life, life, StaleOf(call.Rules)), tags, () => AreUnchanged(tags, began));
        else
            memory.Remove([call.Key]);
        // Again: who began before the value was kept may have found the old one in a shared level.
        Overtake(call.Key);
        if (!call.UsesShared)
            return;
        foreach (var level in shared)
            await level.StoreAsync(call.Key, new CacheRecord(value, life, life, StaleOf(call.Rules), tags), null, cancellationToken);
        if (shared.Length > 0 && (!memory.TryGet(call.Key, out var kept) || !kept.Value.Equals(value)))
        {
            // Memory does not hold it: who looked it up meanwhile may have found what was there before.
            Overtake(call.Key);
            memory.Remove([call.Key]);
        }
        await TellAsync(new CacheNotice(node) { Keys = [call.Key] }, cancellationToken);
    }

    public async ValueTask<long> AddAsync(CacheCall call, long by, CancellationToken cancellationToken)
    {
        var life = LifeOf(call.Rules, null);
        if (shared is [var first, ..])
        {
            var (answered, value) = await first.AddAsync(call.Key, by, life, cancellationToken);
            if (answered)
            {
                memory.Remove([call.Key]);
                return value;
            }
        }
        var now = time.GetTimestamp();
        return memory.Add(call.Key, before =>
        {
            var sum = by + (before is { } known && Utf8Parser.TryParse(known.Value.Span, out long was, out var read) && read == known.Value.Length ? was : 0);
            var until = before?.FreshUntil ?? now + Stamps(life);
            return (new MemoryEntry { Key = call.Key, Owner = call.Owner, Value = Encoding.UTF8.GetBytes(sum.ToString(System.Globalization.CultureInfo.InvariantCulture)), Tags = [], Since = now, RefreshAt = long.MaxValue, FreshUntil = until, StaleUntil = until, UsedAt = now }, sum);
        }, now);
    }

    /// <summary>Finds a fresh entry in memory that nobody has to renew. A miss is not counted: the long way follows.</summary>
    public bool TryRead(string key, out CachedValue hit)
    {
        if (memory.TryGet(key, out var entry))
        {
            var now = time.GetTimestamp();
            if (now < entry.RefreshAt && IsFresh(entry, now))
            {
                Used(entry, now);
                hit = new CachedValue(CacheLevels.Memory, entry.Value);
                return true;
            }
        }
        hit = default;
        return false;
    }

    private void Used(MemoryEntry entry, long now)
    {
        entry.UsedAt = now;
        entry.Uses++;
        Counters.MemoryHit();
    }

    private bool TryMemory(string key, out CachedValue hit, out bool due)
    {
        if (memory.TryGet(key, out var entry))
        {
            var now = time.GetTimestamp();
            if (IsFresh(entry, now))
            {
                Used(entry, now);
                hit = new CachedValue(CacheLevels.Memory, entry.Value);
                due = now >= entry.RefreshAt && entry.TryBeginRefresh();
                return true;
            }
        }
        Counters.MemoryMiss();
        (hit, due) = (default, false);
        return false;
    }

    /// <summary>A node that hears nothing of the others serves what it had for a while only.</summary>
    private bool IsFresh(MemoryEntry entry, long now) =>
        now < entry.FreshUntil && (now < Volatile.Read(ref isolatedUntil) || entry.Since > Volatile.Read(ref isolatedSince));

    private async ValueTask<CachedValue> FindSharedAsync(CacheCall call, CancellationToken cancellationToken)
    {
        // Not a flight: nobody loads. Of several look-ups of one key the first puts what it finds into memory.
        var lookUp = new Flight(null, memory.Exclusive(() => tokens.Now));
        var isFirst = lookUps.TryAdd(call.Key, lookUp);
        try
        {
            var (record, level, _, _) = await LookUpAsync(isFirst ? lookUp : null, call, TimeSpan.Zero, cancellationToken);
            var found = record is { Life.Ticks: > 0 };
            Counters.Ended(found);
            return found ? new CachedValue(level, record!.Value) : default;
        }
        finally
        {
            if (isFirst)
                lookUps.TryRemove(new KeyValuePair<string, Flight>(call.Key, lookUp));
        }
    }

    private async ValueTask<CachedValue> FlyAsync(CacheCall call, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (!flights.TryGetValue(call.Key, out var flight))
            {
                memory.TryGet(call.Key, out var before);
                var mine = new Flight(before, memory.Exclusive(() => tokens.Now));
                flight = flights.GetOrAdd(call.Key, mine);
                if (ReferenceEquals(flight, mine))
                    _ = RunAsync(flight, call, renews: false);
            }
            try
            {
                return await flight.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && flight.Abandoned.IsCancellationRequested)
            {
                // Joined in the moment in which the others left.
                flights.TryRemove(new KeyValuePair<string, Flight>(call.Key, flight));
            }
        }
    }

    /// <summary>Renews behind the answer. The plugin's code is held for it, so that a swap waits.</summary>
    private void Refresh(CacheCall call)
    {
        memory.TryGet(call.Key, out var before);
        var flight = new Flight(before, memory.Exclusive(() => tokens.Now));
        if (flights.TryAdd(call.Key, flight))
            _ = Task.Run(() => RunAsync(flight, call, renews: true), CancellationToken.None);
    }

    private async Task RunAsync(Flight flight, CacheCall call, bool renews)
    {
        try
        {
            flight.Complete(await LookOrLoadAsync(flight, call, renews));
        }
        catch (Exception exception)
        {
            if (renews)
                log.LogDebug("Renewing {Key} failed: {Reason}", call.Key, exception.Message);
            flight.Fail(exception);
        }
        finally
        {
            flights.TryRemove(new KeyValuePair<string, Flight>(call.Key, flight));
        }
    }

    private async Task<CachedValue> LookOrLoadAsync(Flight flight, CacheCall call, bool renews)
    {
        // 1. and 2.
        var found = call.UsesShared && shared.Length > 0 ? await AwaitSharedAsync(flight, call, renews) : default;
        if (found.Record is { Life.Ticks: > 0 } fresh && !(renews && fresh.Life.Ticks <= fresh.Whole.Ticks * (1 - RefreshPoint(call.Rules))))
        {
            if (!renews)
                Counters.Ended(found: true);
            return new CachedValue(found.Level, fresh.Value);
        }
        if (found.IsClaimed && StaleValue(flight, found.Record) is { } meanwhile)
        {
            Counters.Ended(found: true);
            return new CachedValue(StaleLevel, meanwhile);
        }
        if (!renews)
            Counters.Ended(found: false);

        // 3.
        var begun = time.GetTimestamp();
        CacheLoaded loaded;
        try
        {
            loaded = await LoadAsync(call, flight.Abandoned);
            Counters.Loaded();
        }
        catch (Exception exception)
        {
            if (found.Claim is not null)
                await shared[0].StoreAsync(call.Key, null, found.Claim, CancellationToken.None);
            // 5.
            if (exception is OperationCanceledException && flight.Abandoned.IsCancellationRequested || StaleValue(flight, found.Record) is not { } stale)
                throw;
            Counters.ServedStale();
            log.LogWarning("cache.stale {Key}: its loader failed: {Reason}", call.Key, exception.Message);
            if (call.UsesMemory)
                Keep(call, stale, new Span(StaleAgain, StaleAgain, StaleOf(call.Rules)), [], () => !flight.IsOvertaken);
            return new CachedValue(StaleLevel, stale);
        }

        // 4.
        await KeepLoadedAsync(flight, call, loaded, found.Claim, time.GetElapsedTime(begun));
        return new CachedValue(CachedValue.Loaded, loaded.Value);
    }

    private static async ValueTask<CacheLoaded> LoadAsync(CacheCall call, CancellationToken cancellationToken)
    {
        if (call.Lease is not { } lease)
            return await call.Load!(cancellationToken);
        if (!lease.TryEnter())
            throw new NexusException(ErrorCodes.ServiceUnavailable, "The plugin that would load the value is being replaced or stopped.");
        try
        {
            return await call.Load!(cancellationToken);
        }
        finally
        {
            lease.Exit();
        }
    }

    private async ValueTask KeepLoadedAsync(Flight flight, CacheCall call, CacheLoaded loaded, string? claim, TimeSpan took)
    {
        var life = LifeOf(call.Rules, loaded.Life);
        var tags = life > TimeSpan.Zero && !flight.IsOvertaken ? await TagsOfAsync(call, loaded.Tags, flight.StartedAt, took, CancellationToken.None) : null;
        if (tags is not { } known || flight.IsOvertaken)
        {
            if (claim is not null)
                await shared[0].StoreAsync(call.Key, null, claim, CancellationToken.None);
            return;
        }
        var record = new CacheRecord(loaded.Value, life, life, StaleOf(call.Rules), known);
        if (call.UsesShared && shared is { Length: > 0 } levels)
        {
            // Without a claim (the level did not answer, or somebody else's took too long) the value is this node's alone: a late load must not overwrite what was set meanwhile.
            if (claim is not null && await levels[0].StoreAsync(call.Key, record, claim, CancellationToken.None) == false)
                return;
            if (claim is not null)
            {
                foreach (var level in levels.Skip(1))
                    await level.StoreAsync(call.Key, record, null, CancellationToken.None);
            }
        }
        if (call.UsesMemory)
            Keep(call, loaded.Value, new Span(life, life, record.Stale), known, () => !flight.IsOvertaken && AreUnchanged(known, flight.StartedAt));
    }

    private ReadOnlyMemory<byte>? StaleValue(Flight flight, CacheRecord? record)
    {
        if (flight.IsOvertaken)
            return null;
        if (record is not null && record.Life + record.Stale > TimeSpan.Zero)
            return record.Value;
        // Without the type null would be an empty value.
        return flight.Before is { Index: >= 0 } before && time.GetTimestamp() < before.StaleUntil ? before.Value : default(ReadOnlyMemory<byte>?);
    }

    private void Keep(in CacheCall call, ReadOnlyMemory<byte> value, in Span span, ImmutableArray<CacheTag> tags, Func<bool> stillHolds)
    {
        var life = call.Rules.LocalLife is { } local && local < span.Life ? local : span.Life;
        if (!IsConnected && life.TotalSeconds > options.IsolatedSeconds)
            life = TimeSpan.FromSeconds(options.IsolatedSeconds);
        var now = time.GetTimestamp();
        var point = RefreshPoint(call.Rules);
        memory.Keep(new MemoryEntry
        {
            Key = call.Key,
            Owner = call.Owner,
            Value = value,
            Tags = tags,
            Since = now,
            RefreshAt = point >= 1 ? long.MaxValue : now + Math.Max(0, Stamps(span.Life - (span.Whole * (1 - point)))),
            FreshUntil = now + Stamps(life),
            StaleUntil = now + Stamps(life + span.Stale),
            UsedAt = now,
        }, stillHolds, now);
    }

    private TimeSpan LifeOf(CacheRules rules, TimeSpan? loaded)
    {
        var life = loaded ?? rules.Life ?? TimeSpan.FromSeconds(options.LifeSeconds);
        var most = TimeSpan.FromSeconds(options.MaxLifeSeconds);
        return life > most ? most : life;
    }

    private TimeSpan StaleOf(CacheRules rules) => rules.Stale ?? TimeSpan.FromSeconds(options.StaleSeconds);

    private double RefreshPoint(CacheRules rules) => rules.RefreshAt ?? options.RefreshAt;

    private long Stamps(TimeSpan span) => (long)(span.Ticks * ((double)time.TimestampFrequency / TimeSpan.TicksPerSecond));

    /// <summary>Times of an entry: still fresh, fresh when it was stored, and stale after.</summary>
    private readonly record struct Span(TimeSpan Life, TimeSpan Whole, TimeSpan Stale);
}

/// <summary>Names of levels.</summary>
internal static class CacheLevels
{
    public const string Memory = "memory";
}
