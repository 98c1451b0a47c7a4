using System.Collections.Immutable;

namespace Nexus;

/// <summary>Moves tenants between the databases of a storage while they are served. Nodes carry moves out beside their work; what one that died had begun, another goes on with. Thread-safe.</summary>
public interface ITenantMoves
{
    /// <summary>Asks for a move; a move of the tenant to that database that is under way is that move.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="shard">Name of the database in <c>database.shards</c>; <c>default</c> for the platform's own.</param>
    /// <param name="cancellationToken">Stops the asking.</param>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>: no such database, or nothing is stored of the tenant; <c>RULE_VIOLATION</c>: the default tenant, or the tenant lies there already; <c>CONFLICT</c>: it is being moved elsewhere.</exception>
    ValueTask<TenantMove> StartAsync(string tenant, string shard, CancellationToken cancellationToken);

    /// <summary>Gives a move up that has not switched the tenant: what was copied is removed, and the tenant stays where it is. Whoever carries it out stops within seconds.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Stops the asking.</param>
    /// <returns>The move, in the state <see cref="TenantMoveState.Undoing"/>.</returns>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>: the tenant is not being moved; <c>RULE_VIOLATION</c>: it lies in the new database already.</exception>
    ValueTask<TenantMove> CancelAsync(string tenant, CancellationToken cancellationToken);

    /// <summary>The newest move of each tenant, by tenant; finished ones are kept. Empty where there is one database.</summary>
    ValueTask<ImmutableArray<TenantMove>> ListAsync(CancellationToken cancellationToken);

    /// <summary>The fewest moves after which all databases hold alike, as near as whole tenants allow.</summary>
    /// <param name="bySize">Alike in bytes of records; otherwise in tenants.</param>
    /// <param name="cancellationToken">Stops the measuring.</param>
    ValueTask<ImmutableArray<PlannedMove>> PlanAsync(bool bySize, CancellationToken cancellationToken);
}

/// <summary>A move of a tenant.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="From">Database that it comes from.</param>
/// <param name="To">Database that it goes to.</param>
/// <param name="State">How far it is.</param>
public sealed record TenantMove(string Tenant, string From, string To, TenantMoveState State)
{
    /// <summary>Rows copied until now, those of a second copy again.</summary>
    public long Rows { get; init; }

    /// <summary>For how long writes had to wait, in milliseconds; null until the tenant has been switched.</summary>
    public double? ClosedMilliseconds { get; init; }

    /// <summary>When it was asked for, UTC.</summary>
    public DateTimeOffset StartedAt { get; init; }

    /// <summary>When it ended, UTC; null while it is under way.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Why it did not succeed, or is tried again; null when there is nothing to tell.</summary>
    public string? Error { get; init; }
}

/// <summary>How far a move is.</summary>
public enum TenantMoveState
{
    /// <summary>Its data are copied; the tenant lies where it did.</summary>
    Copying,

    /// <summary>The tenant lies in the new database; what the old one holds is removed.</summary>
    Cleaning,

    /// <summary>What was copied is removed; the tenant stays where it was.</summary>
    Undoing,

    /// <summary>Done.</summary>
    Done,

    /// <summary>Given up; the tenant is where it was.</summary>
    Failed,
}

/// <summary>A move that would even databases out.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="From">Database that it lies in.</param>
/// <param name="To">Database that it would go to.</param>
/// <param name="Records">Records and documents of it.</param>
/// <param name="Bytes">Their JSON, in bytes.</param>
public sealed record PlannedMove(string Tenant, string From, string To, long Records, long Bytes);
