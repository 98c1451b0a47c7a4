namespace Nexus.Kernel.Nodes;

/// <summary>This node among others; section <c>node</c>.</summary>
public sealed class NodeOptions
{
    /// <summary>What it serves; all when empty.</summary>
    public IList<string> Roles { get; } = [];

    /// <summary>Where other nodes reach it; where it listens when null.</summary>
    public string? Address { get; set; }

    /// <summary>Where other nodes reach it by HTTP/2 without TLS; where it listens when null.</summary>
    public string? Http2Address { get; set; }

    /// <summary>Seconds without a sign of life after which it counts as gone.</summary>
    public double LeaseSeconds { get; set; } = 15;

    /// <summary>Its share of the requests that gateways pass on.</summary>
    public double Weight { get; set; } = 1;

    /// <summary>Seconds for which a changed plugin must be healthy here before the next node changes.</summary>
    public double SettleSeconds { get; set; } = 5;
}
