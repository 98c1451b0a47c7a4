using System.Collections.Immutable;

namespace Nexus.Data.Sharding;

/// <summary>Schema changes in every database. A change needs all that have been there since the start: with one of them that does not answer, plugins stay as they are. One that was away at the start gets what was declared meanwhile before it serves.</summary>
internal sealed class ShardedSchema(Shards shards, TimeProvider time) : ISchemaChanges
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, SchemaRequest> _declared = new(StringComparer.Ordinal);
    private int _begun;

    // In the order of the numbers on every node, so that two that bring the same change do not wait for each other.
    public async ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken)
    {
        ImmutableArray<Shard> present;
        lock (_gate)
        {
            // Until this change has ended no database comes back: it would miss the change, or get one that is undone.
            present = [.. shards.All.Where(s => s.Opened is not null)];
            _begun++;
        }

        var begun = ImmutableArray.CreateBuilder<ISchemaChange>();
        try
        {
            foreach (var shard in present)
                begun.Add(await shard.Set.Schema.BeginAsync(request, cancellationToken));
            return new Change(shards, present.Zip(begun).ToImmutableArray(), request.Plugin, isDone => Ended(isDone && present.Length < shards.All.Length ? request : null));
        }
        catch
        {
            await UndoAsync(begun);
            Ended(null);
            throw;
        }
    }

    public async ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
    {
        // All or none: what stayed in one that is away would be there again with it.
        ImmutableArray<StorageSet> sets = [.. shards.All.Select(s => s.Set)];
        foreach (var set in sets)
            await set.Schema.DeleteAsync(plugin, documentRoot, cancellationToken);
    }

    public async ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
    {
        var bytes = 0L;
        foreach (var shard in shards.All.Where(s => s.Opened is not null))
            bytes += await shard.Set.Schema.MeasureAsync(plugin, documentRoot, cancellationToken);
        return bytes;
    }

    /// <summary>Brings a database forward that was away, and lets it serve.</summary>
    /// <exception cref="NexusException">It cannot be brought forward; it stays away.</exception>
    public async Task ReturnAsync(Shard shard, StorageSet set, CancellationToken cancellationToken)
    {
        var done = new Dictionary<string, SchemaRequest>(StringComparer.Ordinal);
        while (true)
        {
            List<SchemaRequest> missing;
            lock (_gate)
            {
                missing = [.. _declared.Values.Where(d => !ReferenceEquals(done.GetValueOrDefault(d.Plugin), d))];
                if (missing.Count == 0 && _begun == 0)
                {
                    shard.Open(set);
                    return;
                }
            }

            foreach (var request in missing)
            {
                await using var change = await set.Schema.BeginAsync(request, cancellationToken);
                await change.CommitAsync(cancellationToken);
                done[request.Plugin] = request;
            }

            if (missing.Count == 0)
                await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private static async ValueTask UndoAsync(IEnumerable<ISchemaChange> begun)
    {
        foreach (var change in begun.Reverse())
            await change.DisposeAsync();
    }

    private void Ended(SchemaRequest? missed)
    {
        lock (_gate)
        {
            _begun--;
            if (missed is not null)
                _declared[missed.Plugin] = missed;
        }
    }

    /// <summary>The changes of all databases. The platform's own is committed last: when another one fails, it is undone, and what the others have already is found there by the next try.</summary>
    private sealed class Change(Shards shards, ImmutableArray<(Shard Shard, ISchemaChange Change)> changes, string plugin, Action<bool> ended) : ISchemaChange
    {
        private int _hasEnded;

        public ISqlDatabase Database { get; } = new ChangingDatabase(shards, changes.ToImmutableDictionary(c => c.Shard, c => c.Change), plugin);

        public async ValueTask CommitAsync(CancellationToken cancellationToken)
        {
            foreach (var (_, change) in changes.Reverse())
                await change.CommitAsync(cancellationToken);
            End(true);
        }

        public async ValueTask DisposeAsync()
        {
            await UndoAsync(changes.Select(c => c.Change));
            End(false);
        }

        private void End(bool isDone)
        {
            if (Interlocked.Exchange(ref _hasEnded, 1) == 0)
                ended(isDone);
        }
    }

    /// <summary>The database of the tenant of the current call, as the change of its shard shows it.</summary>
    private sealed class ChangingDatabase(Shards shards, ImmutableDictionary<Shard, ISchemaChange> changes, string plugin) : IJointDatabase
    {
        public string Dialect => changes[shards.First].Database.Dialect;

        private ShardDatabase Current => CallContext.Current.Tenant is var tenant
            ? new(shards, tenant, shard => changes.TryGetValue(shard, out var change) ? change.Database : shard.Set.Sql.Get(plugin, tenant))
            : null!;

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) => Current.QueryAsync(sql, parameters, cancellationToken);

        public ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default) => Current.WriteAsync(work, cancellationToken);

        public ValueTask<IJointUnit> BeginAsync(CancellationToken cancellationToken) => Current.BeginAsync(cancellationToken);
    }
}
