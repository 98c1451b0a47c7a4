namespace Nexus.Data.Units;

/// <summary>A database of an engine that commits rows and records together, as part of a unit of work.</summary>
internal sealed class JointHold(IJointDatabase target, IJointUnit unit) : ISqlHold
{
    public object Target => target;

    public ISqlDatabase Database => unit.Database;

    // The engine writes the batch itself; what stands before it has its say first.
    public async ValueTask CommitAsync(WriteBatch batch, IStorage storage)
    {
        if (storage is IJointStorage joint)
            await joint.CommitAsync(batch, unit);
        else
            await unit.CommitAsync(batch);
    }

    public void Rollback() => unit.Rollback();
}

/// <summary>A plugin's database, whose writes join the unit of work of the current flow where the engine can.</summary>
internal sealed class UnitDatabase(ISqlDatabase inner, string plugin) : ISqlDatabase
{
    public string Dialect => inner.Dialect;

    public ValueTask<System.Collections.Immutable.ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) =>
        (UnitOfWork.Of(plugin)?.Sql is JointHold hold && hold.Target == inner ? hold.Database : inner).QueryAsync(sql, parameters, cancellationToken);

    public async ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        if (inner is not IJointDatabase joint || UnitOfWork.Of(plugin) is not { } unit)
            return await inner.WriteAsync(work, cancellationToken);
        var hold = await unit.EnlistAsync(joint, async () => new JointHold(joint, await joint.BeginAsync(cancellationToken)));
        return await hold.Database.WriteAsync(work, cancellationToken);
    }
}
