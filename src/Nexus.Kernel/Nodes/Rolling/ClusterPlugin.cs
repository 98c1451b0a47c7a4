using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Nexus.Kernel.Nodes.Rolling;

/// <summary>What all nodes shall have of a plugin.</summary>
internal sealed record PluginWish
{
    /// <summary>Content hash of its package; empty when it is compiled in, or wanted nowhere.</summary>
    public string Hash { get; init; } = "";

    /// <summary>Its version.</summary>
    public string Version { get; init; } = "";

    /// <summary>Whether it runs.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>No node shall have it.</summary>
    public bool Removed { get; init; }

    /// <summary>SHA-256 of its archive among the shared packages; null when it was not put there.</summary>
    public string? Blob { get; init; }

    /// <summary>Its signature, which no archive of a folder holds.</summary>
    public byte[]? Signature { get; init; }

    /// <summary>No node has it.</summary>
    public static PluginWish Nowhere { get; } = new() { Removed = true, Enabled = false };
}

/// <summary>A plugin as the nodes of a storage agreed on it, and the newest change of it; stored at <c>core/cluster/plugins/{id}</c>.</summary>
internal sealed record ClusterPlugin
{
    public required string Id { get; init; }

    /// <summary>What every node shall have.</summary>
    public required PluginWish Wanted { get; init; }

    /// <summary>The change that brought <see cref="Wanted"/>; 0 when it is merely what the nodes had before the first one, which nobody takes over.</summary>
    public long WantedNumber { get; init; }

    /// <summary>What a rollback leads to.</summary>
    public PluginWish? Before { get; init; }

    /// <summary>What the newest change leads to.</summary>
    public required PluginWish Target { get; init; }

    /// <summary>The newest change.</summary>
    public required RollingChange Change { get; init; }

    /// <summary>Also when others need the plugin, or when a version is lower.</summary>
    public bool Force { get; init; }

    /// <summary>The last node that removes it removes what it stored.</summary>
    public bool DeletesData { get; init; }

    /// <summary>What each node had before its turn.</summary>
    public ImmutableDictionary<string, PluginWish> Had { get; init; } = ImmutableDictionary<string, PluginWish>.Empty;

    /// <summary>The newest change that each node took over.</summary>
    public ImmutableDictionary<string, long> Taken { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>Whether nodes are at work on it.</summary>
    [JsonIgnore]
    public bool IsUnderWay => Change.State is RollingState.Running or RollingState.GoingBack;

    /// <summary>The part of a node, or null.</summary>
    public NodeChange? Of(string node) => Change.Nodes.FirstOrDefault(n => n.Node == node);

    /// <summary>With the part of a node changed.</summary>
    public ClusterPlugin With(string node, Func<NodeChange, NodeChange> change) => this with { Change = Change with { Nodes = [.. Change.Nodes.Select(n => n.Node == node ? change(n) : n)] } };

    /// <summary>With a node that joined in the middle of the change.</summary>
    public ClusterPlugin Joined(NodeChange node) => this with { Change = Change with { Nodes = [.. Change.Nodes.Append(node).OrderBy(n => n.Node, StringComparer.Ordinal)] } };

    /// <summary>Every node that lives has changed.</summary>
    public ClusterPlugin Done(DateTimeOffset now) => this with
    {
        Wanted = Target,
        WantedNumber = Change.Number,
        Before = Change.Kind switch { "install" or "update" => Wanted.Removed ? null : Wanted, "rollback" or "remove" => null, _ => Before },
        Taken = Taken.SetItems(Change.Nodes.Where(n => n.State is NodeChangeState.Changed or NodeChangeState.Skipped).Select(n => KeyValuePair.Create(n.Node, Change.Number))),
        Change = Change with { State = RollingState.Done, EndedAt = now },
    };

    /// <summary>A node failed; the others go back.</summary>
    public ClusterPlugin Failed(string node, string reason) => With(node, n => n with { State = NodeChangeState.Failed, Detail = reason }) is var failed
        ? failed with { Change = failed.Change with { State = RollingState.GoingBack, Reason = $"Node {node} ({Of(node)?.Address}) failed: {reason}" } } : this;

    /// <summary>All are as they were.</summary>
    public ClusterPlugin WentBack(DateTimeOffset now) => this with
    {
        Change = Change with
        {
            State = RollingState.WentBack,
            EndedAt = now,
            Nodes = [.. Change.Nodes.Select(n => n.State is NodeChangeState.Waiting ? n with { State = NodeChangeState.WentBack } : n)],
        },
    };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ClusterPlugin))]
internal sealed partial class ClusterJson : JsonSerializerContext;
