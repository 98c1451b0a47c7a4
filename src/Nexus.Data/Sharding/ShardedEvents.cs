using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Nexus.Data.Sharding;

/// <summary>Events and deliveries in the database of their tenant, each with its own order. Positions and fences carry the database's number.</summary>
internal sealed class ShardedEvents : IEventStore
{
    private readonly Shards _shards;
    private readonly Turns _turns;
    private readonly ConcurrentDictionary<string, ImmutableArray<EventGroup>> _declared = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(int Shard, string Plugin), bool> _missing = new();
    private volatile bool _mayMiss;

    public ShardedEvents(Shards shards, Turns turns)
    {
        (_shards, _turns) = (shards, turns);
        Logs = [.. shards.All.Select(s => new ShardLog(s))];
    }

    public ImmutableArray<IEventHistory> Logs { get; }

    /// <summary>In every database. One that does not answer is told before anything is committed to it or claimed from it again: an event that it stored before would not be delivered.</summary>
    public async ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken)
    {
        _declared[plugin] = groups;
        foreach (var shard in _shards.All)
        {
            _missing[(shard.Number, plugin)] = true;
            _mayMiss = true;
            await _turns.TryAsync(shard, async () =>
            {
                await DeclareAsync(shard, plugin, cancellationToken);
                return true;
            }, false);
        }
    }

    public ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        return _turns.TakeAsync<EventDelivery>(claim.Limit, claim.MaxWait, (shard, _, limit, wait, ends) => TakeAsync(shard, claim with { Limit = limit, MaxWait = wait }, ends), taken => taken.Length > claim.Limit ? taken[claim.Limit..] : [], HandBackAsync, cancellationToken);
    }

    public async ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken)
    {
        List<Exception>? failures = null;
        foreach (var ofOne in settlements.Where(s => Shard.NumberOf(s.Fence) < _shards.All.Length).GroupBy(s => Shard.NumberOf(s.Fence)))
        {
            try
            {
                await _shards.All[ofOne.Key].Set.Events.SettleAsync([.. ofOne.Select(Shard.Localize)], cancellationToken);
            }
            catch (NexusException e)
            {
                (failures ??= []).Add(e);
            }
        }

        if (failures is not null)
            throw failures[0];
    }

    public ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        if ((query.Tenant ?? query.Near) is { } tenant)
            return _shards.AtHomeAsync(tenant, shard => Logs[shard.Number].ReadAsync(In(shard, query), cancellationToken), cancellationToken);
        return query.Newest ? NewestAsync(query, cancellationToken) : InTurnAsync(query, cancellationToken);
    }

    public ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return _shards.AtHomeAsync(query.Tenant, _ => FindDeliveriesAsync(query, cancellationToken), cancellationToken);
    }

    private async ValueTask<ImmutableArray<EventDelivery>> FindDeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken)
    {
        ImmutableArray<EventDelivery> found = [];
        NexusException? failure = null;
        foreach (var shard in Concerned(query.Tenant).Where(_ => found.Length < query.Limit))
        {
            try
            {
                found = [.. found, .. (await shard.Set.Events.DeliveriesAsync(query with { Limit = query.Limit - found.Length }, cancellationToken)).Select(shard.Globalize)];
            }
            catch (NexusException e) when (e.Code == ErrorCodes.StorageUnavailable)
            {
                failure ??= e;
            }
        }

        // An event lies in one database: found there, the others need not answer.
        return failure is null || (query.EventId is not null && found.Length > 0) ? found : throw failure;
    }

    public async ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        if (replay.Tenant is not null)
            return await _shards.AtHomeAsync(replay.Tenant, shard => shard.Set.Events.ReplayAsync(replay, cancellationToken), cancellationToken);
        var count = 0L;
        foreach (var shard in _shards.All)
            count += await shard.Set.Events.ReplayAsync(replay, cancellationToken);
        return count;
    }

    public async ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        if (replay.Tenant is not null)
            return await _shards.AtHomeAsync(replay.Tenant, shard => shard.Set.Events.LookAsync(replay, cancellationToken), cancellationToken);
        var all = default(ReplayProgress);
        foreach (var shard in _shards.All)
        {
            var one = await shard.Set.Events.LookAsync(replay, cancellationToken);
            all = new ReplayProgress(all.Events + one.Events, all.Waiting + one.Waiting, all.Dead + one.Dead);
        }

        return all;
    }

    public async ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        if (purge.Tenant is not null)
            return await _shards.AtHomeAsync(purge.Tenant, shard => shard.Set.Events.PurgeAsync(purge, cancellationToken), cancellationToken);
        var count = 0L;
        foreach (var shard in _shards.All)
            count += await shard.Set.Events.PurgeAsync(purge, cancellationToken);
        return count;
    }

    /// <summary>Declares in a database what it was not told of while it was away.</summary>
    public ValueTask CatchUpAsync(Shard shard) => _mayMiss ? CatchUpAllAsync(shard) : ValueTask.CompletedTask;

    private async ValueTask CatchUpAllAsync(Shard shard)
    {
        foreach (var (_, plugin) in _missing.Keys.Where(m => m.Shard == shard.Number))
            await DeclareAsync(shard, plugin, CancellationToken.None);
        if (!_missing.IsEmpty)
            return;
        _mayMiss = false;
        // Declared in between, it would be forgotten.
        if (!_missing.IsEmpty)
            _mayMiss = true;
    }

    /// <summary>The query as the log of a database takes it: a position may be one of the database where the tenant lay before.</summary>
    private static EventQuery In(Shard shard, EventQuery query) => query is { Tenant: not null, AfterSequence: > 0 } && Shard.NumberOf(query.AfterSequence) != shard.Number
        ? query with { AfterSequence = 0, FormerSequence = query.AfterSequence }
        : query;

    private ImmutableArray<Shard> Concerned(string? tenant) => tenant is null ? _shards.All : [_shards.Of(tenant)];

    private async ValueTask<ImmutableArray<EventDelivery>> TakeAsync(Shard shard, DeliveryClaim claim, CancellationToken cancellationToken)
    {
        await CatchUpAsync(shard);
        return [.. (await shard.Set.Events.ClaimAsync(claim, cancellationToken)).Select(shard.Globalize)];
    }

    private async ValueTask DeclareAsync(Shard shard, string plugin, CancellationToken cancellationToken)
    {
        var groups = _declared[plugin];
        await shard.Set.Events.DeclareAsync(plugin, groups, cancellationToken);
        // Declared anew meanwhile, it is still missing.
        if (_declared[plugin] == groups)
            _missing.TryRemove((shard.Number, plugin), out _);
    }

    private ValueTask HandBackAsync(ImmutableArray<EventDelivery> surplus) =>
        SettleAsync([.. surplus.Select(d => new DeliverySettlement(d.Message.Id, d.Group, d.Fence, DeliveryState.Pending))], CancellationToken.None);

    private async ValueTask<EventPage> NewestAsync(EventQuery query, CancellationToken cancellationToken)
    {
        var found = new List<StoredEvent>();
        foreach (var log in Logs)
            found.AddRange((await log.ReadAsync(query with { MaxWait = TimeSpan.Zero }, cancellationToken)).Events);
        ImmutableArray<StoredEvent> newest = [.. found.OrderByDescending(e => e.Message.OccurredAt).ThenByDescending(e => e.Sequence).Take(query.Limit)];
        return new EventPage(newest, newest.IsEmpty ? query.AfterSequence : newest[^1].Sequence);
    }

    /// <summary>One log after the other, from the one that the position belongs to.</summary>
    private async ValueTask<EventPage> InTurnAsync(EventQuery query, CancellationToken cancellationToken)
    {
        var found = ImmutableArray.CreateBuilder<StoredEvent>();
        var after = query.AfterSequence;
        for (var number = Math.Min(Shard.NumberOf(after), Logs.Length - 1); number < Logs.Length && found.Count < query.Limit; number++)
        {
            // Only the last one may be waited for: behind it nothing follows.
            var from = Shard.NumberOf(query.AfterSequence) == number ? query.AfterSequence : 0;
            var page = await Logs[number].ReadAsync(query with { AfterSequence = from, Limit = query.Limit - found.Count, MaxWait = found.Count == 0 && number == Logs.Length - 1 ? query.MaxWait : TimeSpan.Zero }, cancellationToken);
            found.AddRange(page.Events);
            if (!page.Events.IsEmpty)
                after = page.LastSequence;
        }

        return new EventPage(found.ToImmutable(), after);
    }
}

/// <summary>The events of one database; positions carry its number.</summary>
internal sealed class ShardLog(Shard shard) : IEventHistory
{
    public async ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        var page = await shard.Set.Events.ReadAsync(query with { AfterSequence = Shard.In(query.AfterSequence) }, cancellationToken);
        return shard.Number == 0 ? page : new EventPage([.. page.Events.Select(e => e with { Sequence = shard.Out(e.Sequence) })], shard.Out(page.LastSequence));
    }

    public async ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken) =>
        [.. (await shard.Set.Events.DeliveriesAsync(query, cancellationToken)).Select(shard.Globalize)];

    public ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken) => shard.Set.Events.ReplayAsync(replay, cancellationToken);

    public ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken) => shard.Set.Events.LookAsync(replay, cancellationToken);

    public ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken) => shard.Set.Events.PurgeAsync(purge, cancellationToken);
}
