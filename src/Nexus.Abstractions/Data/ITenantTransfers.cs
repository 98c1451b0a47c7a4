using System.Collections.Immutable;

namespace Nexus;

/// <summary>What an engine does of the move of a tenant from one of its databases to another. Thread-safe.</summary>
public interface ITenantTransfers
{
    /// <summary>Begins, or goes on with what another node began. Until it is disposed of nobody else moves the tenant.</summary>
    /// <param name="tenant">The tenant; never the default one.</param>
    /// <param name="target">The same of the database that the tenant goes to.</param>
    /// <param name="positions">What a position of this database is added to outside it: the least of its positions, less one.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="NexusException"><c>CONFLICT</c>: another one moves the tenant; <c>STORAGE_UNAVAILABLE</c>.</exception>
    ValueTask<ITenantTransfer> BeginAsync(string tenant, ITenantTransfers target, long positions, CancellationToken cancellationToken);

    /// <summary>How much the database holds of each tenant but the default one, sorted by name.</summary>
    ValueTask<ImmutableArray<TenantSize>> MeasureAsync(CancellationToken cancellationToken);
}

/// <summary>A move that has begun. Its steps are run in order, one at a time; each may be run again after it failed half-way.</summary>
public interface ITenantTransfer : IAsyncDisposable
{
    /// <summary>Runs a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="cancellationToken">Stops the step.</param>
    /// <returns>Rows that were copied or removed.</returns>
    /// <exception cref="NexusException"><c>CONFLICT</c>: what the databases hold cannot be made equal, with the reason; <c>STORAGE_UNAVAILABLE</c>.</exception>
    ValueTask<long> RunAsync(TransferStep step, CancellationToken cancellationToken);
}

/// <summary>Steps of a move.</summary>
public enum TransferStep
{
    /// <summary>Makes the copy in the target equal to what the tenant had a moment ago. The tenant works on meanwhile; each run copies what changed since the one before.</summary>
    Copy,

    /// <summary>Closes the source for the tenant's writes: what is under way ends first, what comes later is refused with <see cref="TenantAwayException"/>, whichever node it comes from. Reads go on.</summary>
    Close,

    /// <summary>Copies the rest, finds that both are equal, and puts events, deliveries and tasks in their places.</summary>
    Land,

    /// <summary>Closes the source for the tenant's reads too.</summary>
    Leave,

    /// <summary>Opens the target. The placement must say so before.</summary>
    Arrive,

    /// <summary>Removes what the source still holds; it stays closed for the tenant.</summary>
    Clean,

    /// <summary>Opens the source again and removes what the target holds. The placement must never have changed.</summary>
    Undo,
}

/// <summary>How much there is of a tenant in a database.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Records">Records and documents.</param>
/// <param name="Bytes">Their JSON, in bytes of UTF-8.</param>
public sealed record TenantSize(string Tenant, long Records, long Bytes);

/// <summary>The tenant does not lie in the database that was asked, or is closed there for a moment: it is being moved, or was. Nothing was written.</summary>
/// <param name="tenant">The tenant.</param>
/// <param name="innerException">What the database said.</param>
public sealed class TenantAwayException(string tenant, Exception? innerException = null)
    : NexusException(ErrorCodes.StorageUnavailable, $"The tenant {tenant} is being moved to another database; nothing was changed. Try again in a moment.", innerException)
{
    /// <summary>The tenant.</summary>
    public string Tenant { get; } = tenant;
}
