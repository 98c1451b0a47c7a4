using System.Collections.Immutable;

namespace Nexus;

/// <summary>
/// Makes several writes of one plugin one: everything that the plugin's code writes inside through <see cref="IRepository{T}"/>, <see cref="IDocuments"/> and <see cref="ISqlDatabase"/>, and every durable event it publishes through <see cref="IEvents"/>, becomes durable together or not at all.
/// A durable event handler runs in such a unit already, together with its event being done, so that its writes happen once however often the event is delivered.
/// Reads by id and path, and queries of the SQL database, see what the unit wrote; other queries see what was committed before. Blobs, transient events and writes of other plugins are not part of it. Thread-safe; the work itself makes one write at a time.
/// </summary>
public interface IUnitOfWork
{
    /// <summary>Runs the work and commits what it wrote. A unit within a unit joins it. After a conflict with another writer the work runs again, so it has no effects besides its writes.</summary>
    /// <exception cref="NexusException"><c>CONFLICT</c>: others kept changing the same records; <c>UNIQUE_VIOLATION</c>. Nothing was written.</exception>
    ValueTask<T> RunAsync<T>(Func<CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default);
}

/// <summary>The units of work of all plugins, by which rooms that run or serve plugin code meet in one commit. Thread-safe.</summary>
public interface IUnitsOfWork
{
    /// <summary>Runs work of a plugin in a unit of its own, committed together with the settlement of deliveries. Work that wrote nothing commits nothing: its deliveries are left to the caller to settle.</summary>
    /// <returns>Whether there was a commit, and with it the settlements.</returns>
    /// <exception cref="StorageConflictException">The lease of a delivery was lost: nothing was written.</exception>
    ValueTask<bool> HandleAsync(string plugin, ImmutableArray<DeliverySettlement> settlements, Func<CancellationToken, ValueTask> work, CancellationToken cancellationToken);

    /// <summary>Adds durable events to the unit that the current flow runs in; false when it runs in none of the plugin's.</summary>
    /// <exception cref="NexusException"><c>CONFLICT</c>: the unit was given up, such as after the time limit of its handler.</exception>
    bool TryPublish(string plugin, ImmutableArray<EventMessage> messages);

    /// <summary>Runs a task of a plugin in a unit of its own, committed together with its settlement, which the work returns. Work that wrote nothing commits nothing: its settlement is left to the caller.</summary>
    /// <returns>Whether there was a commit, and the settlement.</returns>
    /// <exception cref="StorageConflictException">The lease of the task was lost: nothing was written.</exception>
    ValueTask<(bool Committed, TaskSettlement Settlement)> RunTaskAsync(string plugin, Func<CancellationToken, ValueTask<TaskSettlement>> work, CancellationToken cancellationToken);

    /// <summary>Adds tasks to the unit that the current flow runs in; false when it runs in none of the plugin's.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="tasks">The tasks.</param>
    /// <param name="ids">Their ids in order; of one whose key the unit asked for before, the id of that.</param>
    /// <exception cref="NexusException"><c>CONFLICT</c>: the unit was given up, such as after the time limit of its handler.</exception>
    bool TryEnqueue(string plugin, ImmutableArray<TaskEntry> tasks, out ImmutableArray<Guid> ids);
}

/// <summary>Work without a result.</summary>
public static class UnitOfWorkExtensions
{
    /// <inheritdoc cref="IUnitOfWork.RunAsync{T}"/>
    public static async ValueTask RunAsync(this IUnitOfWork unit, Func<CancellationToken, ValueTask> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(work);
        await unit.RunAsync(async token =>
        {
            await work(token);
            return true;
        }, cancellationToken);
    }
}
