using System.Runtime;
using System.Text.Json.Serialization;
using Nexus.Gateway.Health;
using Nexus.Gateway.Monitoring;

namespace Nexus.Gateway.Platform;

/// <summary>A node and its components.</summary>
internal record NodeView(HealthLevel Status, string? Version, DateTimeOffset StartedAt, double UptimeSeconds, long Snapshot, RuntimeView Runtime, IReadOnlyList<ComponentView> Components);

/// <summary>How the runtime was told to keep memory and threads, and what it may use.</summary>
internal sealed record RuntimeView(string Version, int ProcessId, int Processors, string Gc, GCLatencyMode Latency, long HeapBytes, long LimitBytes, bool ThreadsSpin);

/// <summary>A component with its counts by name.</summary>
internal sealed record ComponentView(string Name, HealthLevel Status, string Description, IReadOnlyDictionary<string, long> Counts)
{
    /// <summary>What it is done with; null where nothing is to be said.</summary>
    public string? Detail { get; init; }
}

/// <summary>A node, its components and its machine.</summary>
internal sealed record MachineView : NodeView
{
    private MachineView(NodeView node)
        : base(node)
    {
    }

    /// <summary>Its processors.</summary>
    [JsonPropertyOrder(1)]
    public required ProcessorUse Cpu { get; init; }

    /// <summary>Its memory.</summary>
    [JsonPropertyOrder(1)]
    public required MemoryUse Memory { get; init; }

    /// <summary>The disk that the data are on; null where it is not known.</summary>
    [JsonPropertyOrder(1)]
    public DiskUse? Disk { get; init; }

    /// <summary>Its graphics processors; null where there is none.</summary>
    [JsonPropertyOrder(1)]
    public IReadOnlyList<Gpu>? Gpu { get; init; }

    /// <summary>Every check.</summary>
    [JsonPropertyOrder(1)]
    public required IReadOnlyList<PartHealth> Checks { get; init; }

    /// <summary>The node with its machine.</summary>
    public static MachineView Of(NodeView node, ProcessorUse cpu, MemoryUse memory, DiskUse? disk, IReadOnlyList<Gpu>? gpu, IReadOnlyList<PartHealth> checks) =>
        new(node) { Cpu = cpu, Memory = memory, Disk = disk, Gpu = gpu, Checks = checks };
}

/// <summary>Use of the processors, in percent of all, and what the process took of it since it started.</summary>
internal sealed record ProcessorUse(double UsagePercent, int Processors, double ProcessSeconds);

/// <summary>Use of the machine's memory in percent, and what the process has of it.</summary>
internal sealed record MemoryUse(double UsagePercent, long ProcessBytes, long HeapBytes);

/// <summary>Use of the disk that the data are on.</summary>
internal sealed record DiskUse(double UsagePercent, long SizeBytes, long FreeBytes);

/// <summary>A route. Its permission is null where it is public.</summary>
internal sealed record RouteView(string Url, IReadOnlyList<string> Methods, string Plugin, string Handler, string? Permission);

/// <summary>A stage of the pipeline.</summary>
internal sealed record StageView(int Order, string Stage, string Does);
