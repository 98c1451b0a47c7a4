using System.Collections.Immutable;

namespace Nexus;

/// <summary>The nodes that work on one storage. Each shows life by a lease; one that does not renew it is no longer there. Thread-safe.</summary>
public interface INodes
{
    /// <summary>Id of this node; stays the same over restarts.</summary>
    string Id { get; }

    /// <summary>The nodes that live now, by their start.</summary>
    ValueTask<ImmutableArray<NodeStatus>> ListAsync(CancellationToken cancellationToken);
}

/// <summary>A node as it shows itself.</summary>
public sealed record NodeStatus
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Name of its machine.</summary>
    public required string Machine { get; init; }

    /// <summary>Where it is reached by other nodes.</summary>
    public required string Address { get; init; }

    /// <summary>Where it is reached by HTTP/2, as gRPC needs it: the same address with TLS, without TLS one of its own; null when it serves none.</summary>
    public string? Http2Address { get; init; }

    /// <summary>What it serves: <c>all</c>, <c>api</c>, <c>worker</c>, <c>gateway</c>.</summary>
    public required ImmutableArray<string> Roles { get; init; }

    /// <summary>Version of the platform.</summary>
    public required string Version { get; init; }

    /// <summary>Its start, UTC.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>When it last renewed its lease, UTC by its own clock.</summary>
    public required DateTimeOffset SeenAt { get; init; }

    /// <summary>Seconds without renewal after which it counts as gone.</summary>
    public required double LeaseSeconds { get; init; }

    /// <summary>The plugins it knows, by id.</summary>
    public required ImmutableArray<NodePlugin> Plugins { get; init; }

    /// <summary>Its share of the requests among nodes that have the same plugin; 1 is one share.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Whether it is the node that answers.</summary>
    public bool Self { get; init; }
}

/// <summary>A plugin on a node.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Version">Its version there.</param>
/// <param name="Generation">Its generation there; 0 when it has none.</param>
/// <param name="State">Its state there.</param>
public sealed record NodePlugin(string Id, string Version, long Generation, PluginState State)
{
    /// <summary>Beginning of its routes, such as <c>/api/custom/hello</c>; null when its manifest is unreadable.</summary>
    public string? RoutePrefix { get; init; }

    /// <summary>Names of its resources there; none while it is not active.</summary>
    public ImmutableArray<string> Resources { get; init; } = [];
}
