using System.Collections.Immutable;

namespace Nexus;

/// <summary>Changes of a plugin on all nodes of a storage, one node after another. The storage keeps how far each change has come and every node takes its own turn, so the death of any node, also of the one that was asked, ends none. Thread-safe.</summary>
public interface IRollingChanges
{
    /// <summary>Begins a change; returns once it is stored, before any node has changed.</summary>
    /// <param name="command">Install, Rollback, Enable, Disable or Remove.</param>
    /// <param name="cancellationToken">Stops the beginning; what has begun goes on.</param>
    /// <exception cref="NexusException"><c>CONFLICT</c> while another change of the plugin is under way; what the command itself is refused for.</exception>
    Task<RollingChange> BeginAsync(PluginCommand command, CancellationToken cancellationToken);

    /// <summary>The newest change of each plugin, by id.</summary>
    ValueTask<ImmutableArray<RollingChange>> ListAsync(CancellationToken cancellationToken);

    /// <summary>The newest change of a plugin, or null.</summary>
    ValueTask<RollingChange?> FindAsync(string plugin, CancellationToken cancellationToken);
}

/// <summary>A change of a plugin on all nodes.</summary>
public sealed record RollingChange
{
    /// <summary>Which change of the plugin it is, from 1.</summary>
    public required long Number { get; init; }

    /// <summary>The plugin.</summary>
    public required string Plugin { get; init; }

    /// <summary><c>install</c>, <c>update</c>, <c>rollback</c>, <c>enable</c>, <c>disable</c> or <c>remove</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The version that nodes come to; null when they lose the plugin.</summary>
    public string? Version { get; init; }

    /// <summary>How far it is.</summary>
    public required RollingState State { get; init; }

    /// <summary>When it began, UTC.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>When it ended, UTC; null while it is under way.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Which node failed and why; null when none did.</summary>
    public string? Reason { get; init; }

    /// <summary>The nodes in the order of their turns.</summary>
    public required ImmutableArray<NodeChange> Nodes { get; init; }
}

/// <summary>How far a change of all nodes is.</summary>
public enum RollingState
{
    /// <summary>Nodes change, one after another.</summary>
    Running,

    /// <summary>Every node that lives has changed; the others follow when they return.</summary>
    Done,

    /// <summary>A node failed; those that had changed go back, one after another.</summary>
    GoingBack,

    /// <summary>A node failed and all are as they were.</summary>
    WentBack,
}

/// <summary>A node's part in a change.</summary>
/// <param name="Node">Its id.</param>
/// <param name="State">How far it is.</param>
public sealed record NodeChange(string Node, NodeChangeState State)
{
    /// <summary>Its address.</summary>
    public string Address { get; init; } = "";

    /// <summary>The version it had; null when it had none or has not had its turn.</summary>
    public string? From { get; init; }

    /// <summary>What is to be said about it: why it failed, or what waits for its next start.</summary>
    public string? Detail { get; init; }
}

/// <summary>How far a node's part is.</summary>
public enum NodeChangeState
{
    /// <summary>Its turn comes.</summary>
    Waiting,

    /// <summary>It changes and proves its health.</summary>
    Changing,

    /// <summary>It has changed.</summary>
    Changed,

    /// <summary>It did not come up, or was not healthy.</summary>
    Failed,

    /// <summary>It shows no life; it follows when it returns.</summary>
    Away,

    /// <summary>It does not run this plugin.</summary>
    Skipped,

    /// <summary>It is as it was.</summary>
    WentBack,
}
