using System.Collections.Immutable;

namespace Nexus.Data.Units;

/// <summary>Runs units of work and commits them.</summary>
internal sealed class UnitsOfWork(Func<IStorage> storage) : IUnitsOfWork
{
    private const int MaxAttempts = 100;

    public async ValueTask<bool> HandleAsync(string plugin, ImmutableArray<DeliverySettlement> settlements, Func<CancellationToken, ValueTask> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        var (committed, _) = await RunAsync(plugin, async token =>
        {
            await work(token);
            return true;
        }, (batch, _) => batch with { Settlements = settlements }, cancellationToken);
        return committed;
    }

    public ValueTask<(bool Committed, TaskSettlement Settlement)> RunTaskAsync(string plugin, Func<CancellationToken, ValueTask<TaskSettlement>> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        return RunAsync(plugin, work, static (batch, settlement) => batch with { TaskSettlements = [settlement] }, cancellationToken);
    }

    public bool TryEnqueue(string plugin, ImmutableArray<TaskEntry> tasks, out ImmutableArray<Guid> ids)
    {
        ids = [];
        if (UnitOfWork.Of(plugin) is not { } unit)
            return false;
        ids = [.. tasks.Select(unit.Enqueue)];
        return true;
    }

    public bool TryPublish(string plugin, ImmutableArray<EventMessage> messages)
    {
        if (UnitOfWork.Of(plugin) is not { } unit)
            return false;
        unit.Publish(messages);
        return true;
    }

    /// <summary>Runs work in a new unit, again after each conflict that another try may win.</summary>
    public async ValueTask<(bool Committed, T Result)> RunAsync<T>(string plugin, Func<CancellationToken, ValueTask<T>> work, Func<WriteBatch, T, WriteBatch>? settle, CancellationToken cancellationToken)
    {
        var outer = UnitOfWork.Current;
        for (var attempt = 1; ; attempt++)
        {
            var unit = new UnitOfWork(plugin, outer);
            UnitOfWork.Current = unit;
            // Work that ignores its token must not hold the plugin's database any longer.
            await using var limit = cancellationToken.Register(static unit => ((UnitOfWork)unit!).TimeOut(), unit);
            try
            {
                var result = await work(cancellationToken);
                cancellationToken.ThrowIfCancellationRequested();
                return (await CommitAsync(unit, batch => settle?.Invoke(batch, result) ?? batch), result);
            }
            catch (StorageConflictException e) when (e.UniqueFields is null && e.Key.Table is not ("deliveries" or ITaskStore.Leases) && attempt < MaxAttempts)
            {
                unit.GiveUp();
            }
            catch
            {
                unit.GiveUp();
                throw;
            }
            finally
            {
                UnitOfWork.Current = outer;
            }

            // The first repeats are immediate; later ones spread out, so that contenders do not meet again in step.
            if (attempt > 3)
                await Task.Delay(Random.Shared.Next(1, Math.Min(5 * attempt, 50)), cancellationToken);
        }
    }

    private async ValueTask<bool> CommitAsync(UnitOfWork unit, Func<WriteBatch, WriteBatch> settle)
    {
        if (unit.IsEmpty)
        {
            unit.Close();
            return false;
        }

        var batch = settle(unit.Close());
        if (unit.Sql is not { } sql)
            await storage().CommitAsync(batch, CancellationToken.None);
        else
            await sql.CommitAsync(batch, storage());
        return true;
    }
}

/// <summary>The units of one plugin.</summary>
internal sealed class PluginUnits(UnitsOfWork units, string plugin) : IUnitOfWork
{
    public async ValueTask<T> RunAsync<T>(Func<CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        return UnitOfWork.Of(plugin) is not null ? await work(cancellationToken) : (await units.RunAsync(plugin, work, null, cancellationToken)).Result;
    }
}

/// <summary>A storage engine whose commit can decide together with that of a plugin's SQL file.</summary>
internal interface IJointStorage : IStorage
{
    /// <summary>Commits the batch and the other part, or neither. The other part is committed first, when nothing of the batch can fail any more; a crash in between is made good by <see cref="CompleteAsync"/> before anything is served.</summary>
    Task CommitAsync(WriteBatch batch, IJointPart other);

    /// <summary>Commits the batch with a unit of an engine that keeps rows and records in one place.</summary>
    Task CommitAsync(WriteBatch batch, IJointUnit unit) => unit.CommitAsync(batch).AsTask();

    /// <summary>Commits the batch of a part that was committed, unless it is already.</summary>
    Task CompleteAsync(string name, string id, WriteBatch batch);
}

/// <summary>The other part of a joint commit.</summary>
internal interface IJointPart
{
    /// <summary>Its name; one joint commit of a name at a time.</summary>
    string Name { get; }

    /// <summary>Id of this commit.</summary>
    string Id { get; }

    /// <summary>Makes it durable. Throws when it cannot; then nothing of it is.</summary>
    void Decide();
}
