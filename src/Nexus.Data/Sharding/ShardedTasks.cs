using System.Collections.Immutable;

namespace Nexus.Data.Sharding;

/// <summary>Tasks in the database of their tenant. Fences carry the database's number.</summary>
internal sealed class ShardedTasks(Shards shards, Turns turns) : ITaskStore
{
    public ValueTask<ImmutableArray<TaskEntry>> ClaimAsync(TaskClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        return turns.TakeAsync<TaskEntry>(claim.Limit, claim.MaxWait, (shard, taken, limit, wait, ends) => TakeAsync(shard, claim with { Tasks = Left(claim.Tasks, taken), Limit = limit, MaxWait = wait }, ends), taken => Surplus(claim, taken), HandBackAsync, cancellationToken);
    }

    public async ValueTask<ImmutableArray<TaskEntry>> TakeAsync(ImmutableArray<TaskReservation> reserved, string worker, TimeSpan lease, CancellationToken cancellationToken)
    {
        ImmutableArray<TaskEntry> taken = [];
        foreach (var ofOne in reserved.Where(r => Shard.NumberOf(r.Fence) < shards.All.Length).GroupBy(r => Shard.NumberOf(r.Fence)))
        {
            var shard = shards.All[ofOne.Key];
            // A database that does not answer keeps its tasks, and nobody waits for them.
            taken = [.. taken, .. await turns.TryAsync(shard, async () => (await shard.Set.Tasks!.TakeAsync([.. ofOne.Select(r => r with { Fence = Shard.In(r.Fence) })], worker, lease, cancellationToken)).Select(shard.Globalize).ToImmutableArray(), [])];
        }

        return taken;
    }

    public async ValueTask BeatAsync(ImmutableArray<TaskBeat> beats, TimeSpan lease, CancellationToken cancellationToken)
    {
        foreach (var ofOne in beats.Where(b => Shard.NumberOf(b.Fence) < shards.All.Length).GroupBy(b => Shard.NumberOf(b.Fence)))
            await shards.All[ofOne.Key].Set.Tasks!.BeatAsync([.. ofOne.Select(b => b with { Fence = Shard.In(b.Fence) })], lease, cancellationToken);
    }

    public async ValueTask SettleAsync(ImmutableArray<TaskSettlement> settlements, CancellationToken cancellationToken)
    {
        Exception? failure = null;
        foreach (var ofOne in settlements.Where(s => Shard.NumberOf(s.Fence) < shards.All.Length).GroupBy(s => Shard.NumberOf(s.Fence)))
        {
            try
            {
                await shards.All[ofOne.Key].Set.Tasks!.SettleAsync([.. ofOne.Select(Shard.Localize)], cancellationToken);
            }
            catch (NexusException e)
            {
                failure ??= e;
            }
        }

        if (failure is not null)
            throw failure;
    }

    public ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return shards.AtHomeAsync(query.Tenant, _ => ListAllAsync(query, cancellationToken), cancellationToken);
    }

    private async ValueTask<ImmutableArray<TaskEntry>> ListAllAsync(TaskQuery query, CancellationToken cancellationToken)
    {
        var before = query is { Tenant: null, Before: { } last } ? await FindAsync(last, cancellationToken) : null;
        if (query is { Tenant: null, Before: not null } && before is null)
            return [];
        var found = await FromAllAsync(query, async (shard, _) => (await OlderAsync(shard, query, before, cancellationToken)).Select(shard.Globalize));
        return [.. found.OrderByDescending(t => t.CreatedAt).ThenByDescending(t => t.Id).Take(query.Limit)];
    }

    public async ValueTask<ImmutableArray<TaskEntry>> ChangeAsync(TaskChange change, TaskQuery which, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(which);
        return await shards.AtHomeAsync<ImmutableArray<TaskEntry>>(which.Tenant, async _ => [.. await FromAllAsync(which, async (shard, left) => left == 0 ? [] : (await shard.Set.Tasks!.ChangeAsync(change, which with { Limit = left }, cancellationToken)).Select(shard.Globalize))], cancellationToken);
    }

    public async ValueTask<ImmutableArray<TaskEntry>> PurgeAsync(TaskPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        ImmutableArray<TaskEntry> gone = [];
        foreach (var shard in turns.Next())
        {
            if (gone.Length < purge.Limit)
                gone = [.. gone, .. await turns.TryAsync(shard, async () => (await shard.Set.Tasks!.PurgeAsync(purge with { Limit = purge.Limit - gone.Length }, cancellationToken)).Select(shard.Globalize).ToImmutableArray(), [])];
        }

        return gone;
    }

    /// <summary>Over all tenants, of the databases that answer.</summary>
    public async ValueTask<ImmutableArray<TaskCount>> CountAsync(string? tenant, TaskState? state, CancellationToken cancellationToken)
    {
        if (tenant is not null)
            return await shards.AtHomeAsync(tenant, shard => shard.Set.Tasks!.CountAsync(tenant, state, cancellationToken), cancellationToken);
        var counts = new List<TaskCount>();
        foreach (var shard in turns.Next())
            counts.AddRange(await turns.TryAsync(shard, () => shard.Set.Tasks!.CountAsync(null, state, cancellationToken), []));
        return [.. counts.GroupBy(c => (c.Task, c.State)).OrderBy(g => g.Key.Task, StringComparer.Ordinal).ThenBy(g => g.Key.State).Select(g => new TaskCount(g.Key.Task, g.Key.State, g.Sum(c => c.Count), g.Min(c => c.OldestDueAt)))];
    }

    private static ImmutableArray<TaskCapacity> Left(ImmutableArray<TaskCapacity> tasks, ImmutableArray<TaskEntry> taken) =>
        taken.IsEmpty ? tasks : [.. tasks.Select(t => t with { Free = Math.Max(0, t.Free - taken.Count(e => e.Task == t.Task)) })];

    /// <summary>What several databases gave at once beyond what there is room for.</summary>
    private static ImmutableArray<TaskEntry> Surplus(TaskClaim claim, ImmutableArray<TaskEntry> taken)
    {
        var free = claim.Tasks.ToDictionary(t => t.Task, t => t.Free, StringComparer.Ordinal);
        var (room, surplus) = (claim.Limit, ImmutableArray.CreateBuilder<TaskEntry>());
        foreach (var task in taken)
        {
            if (room > 0 && free[task.Task] > 0)
                (room, free[task.Task]) = (room - 1, free[task.Task] - 1);
            else
                surplus.Add(task);
        }

        return surplus.ToImmutable();
    }

    private static async ValueTask<ImmutableArray<TaskEntry>> TakeAsync(Shard shard, TaskClaim claim, CancellationToken cancellationToken) =>
        [.. (await shard.Set.Tasks!.ClaimAsync(claim, cancellationToken)).Select(shard.Globalize)];

    /// <summary>Asks the databases that may have what a query names. One that does not answer fails the query, unless all that was named by its id is found without it.</summary>
    private async ValueTask<List<TaskEntry>> FromAllAsync(TaskQuery query, Func<Shard, int, ValueTask<IEnumerable<TaskEntry>>> ask)
    {
        var found = new List<TaskEntry>();
        NexusException? failure = null;
        foreach (var shard in query.Tenant is null ? shards.All : [shards.Of(query.Tenant)])
        {
            try
            {
                found.AddRange(await ask(shard, Math.Max(0, query.Limit - found.Count)));
            }
            catch (NexusException e) when (e.Code == ErrorCodes.StorageUnavailable)
            {
                failure ??= e;
            }
        }

        return failure is null || (!query.Ids.IsDefault && found.Count >= query.Ids.Length) ? found : throw failure;
    }

    private ValueTask HandBackAsync(ImmutableArray<TaskEntry> surplus) => SettleAsync([.. surplus.Select(t => new TaskSettlement(t.Id, t.Fence, TaskState.Pending))], CancellationToken.None);

    private async ValueTask<TaskEntry?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        foreach (var shard in shards.All)
        {
            if (await shard.Set.Tasks!.ListAsync(new TaskQuery { Ids = [id], Limit = 1 }, cancellationToken) is [var task])
                return task;
        }

        return null;
    }

    /// <summary>The newest of a database that are older than a task, which may lie in another one.</summary>
    private async ValueTask<IEnumerable<TaskEntry>> OlderAsync(Shard shard, TaskQuery query, TaskEntry? before, CancellationToken cancellationToken)
    {
        if (before is null || shards.Of(before.Tenant) == shard)
            return await shard.Set.Tasks!.ListAsync(query, cancellationToken);
        var page = query with { Before = null };
        while (true)
        {
            var found = await shard.Set.Tasks!.ListAsync(page, cancellationToken);
            if (found.Length < page.Limit || found[^1].CreatedAt < before.CreatedAt)
                return await Rest(found);
            page = page with { Before = found[^1].Id };
        }

        async ValueTask<IEnumerable<TaskEntry>> Rest(ImmutableArray<TaskEntry> found)
        {
            var older = found.Where(IsOlder).ToList();
            if (older.Count < query.Limit && found.Length == page.Limit)
                older.AddRange(await shard.Set.Tasks!.ListAsync(page with { Before = found[^1].Id, Limit = query.Limit - older.Count }, cancellationToken));
            return older;
        }

        bool IsOlder(TaskEntry task) => task.CreatedAt < before.CreatedAt || (task.CreatedAt == before.CreatedAt && task.Id.CompareTo(before.Id) < 0);
    }
}
