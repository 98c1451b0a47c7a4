using System.Collections.Immutable;

namespace Nexus.Data.Sharding;

/// <summary>Schema changes in every database. A change needs all of them: with one that does not answer, plugins stay as they are.</summary>
internal sealed class ShardedSchema(Shards shards) : ISchemaChanges
{
    // In the order of the numbers on every node, so that two that bring the same change do not wait for each other.
    public async ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken)
    {
        var begun = ImmutableArray.CreateBuilder<ISchemaChange>();
        try
        {
            foreach (var shard in shards.All)
                begun.Add(await shard.Set.Schema.BeginAsync(request, cancellationToken));
            return new Change(shards, begun.ToImmutable());
        }
        catch
        {
            await UndoAsync(begun);
            throw;
        }
    }

    public async ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
    {
        foreach (var shard in shards.All)
            await shard.Set.Schema.DeleteAsync(plugin, documentRoot, cancellationToken);
    }

    public async ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
    {
        var bytes = 0L;
        foreach (var shard in shards.All)
            bytes += await shard.Set.Schema.MeasureAsync(plugin, documentRoot, cancellationToken);
        return bytes;
    }

    private static async ValueTask UndoAsync(IEnumerable<ISchemaChange> begun)
    {
        foreach (var change in begun.Reverse())
            await change.DisposeAsync();
    }

    /// <summary>The changes of all databases. The platform's own is committed last: when another one fails, it is undone, and what the others have already is found there by the next try.</summary>
    private sealed class Change(Shards shards, ImmutableArray<ISchemaChange> changes) : ISchemaChange
    {
        public ISqlDatabase Database { get; } = new ChangingDatabase(shards, changes);

        public async ValueTask CommitAsync(CancellationToken cancellationToken)
        {
            foreach (var change in changes.Reverse())
                await change.CommitAsync(cancellationToken);
        }

        public ValueTask DisposeAsync() => UndoAsync(changes);
    }

    /// <summary>The database of the tenant of the current call, as the change of its shard shows it.</summary>
    private sealed class ChangingDatabase(Shards shards, ImmutableArray<ISchemaChange> changes) : IJointDatabase
    {
        public string Dialect => changes[0].Database.Dialect;

        private ShardDatabase Current => shards.Of(CallContext.Current.Tenant) is var shard ? new(shard, changes[shard.Number].Database) : null!;

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) => Current.QueryAsync(sql, parameters, cancellationToken);

        public ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default) => Current.WriteAsync(work, cancellationToken);

        public ValueTask<IJointUnit> BeginAsync(CancellationToken cancellationToken) => Current.BeginAsync(cancellationToken);
    }
}
