namespace Nexus.Gateway.Forwarding;

/// <summary>A plugin on a node, as this node asks it. Outlives looks at the registry. A class, not a record: it counts, and must stay itself in a set of those that were tried. Thread-safe.</summary>
/// <param name="node">Id of the node.</param>
/// <param name="plugin">Id of the plugin.</param>
/// <param name="breaker">Whether it may be asked.</param>
internal sealed class Backend(string node, string plugin, Breaker breaker)
{
    private int underWay;
    private long requests;
    private long retries;

    /// <summary>Id of the node.</summary>
    public string Node => node;

    /// <summary>Id of the plugin.</summary>
    public string Plugin => plugin;

    /// <summary>Whether it may be asked.</summary>
    public Breaker Breaker => breaker;

    /// <summary>Requests under way.</summary>
    public int UnderWay => Volatile.Read(ref underWay);

    /// <summary>Requests passed on.</summary>
    public long Requests => Interlocked.Read(ref requests);

    /// <summary>Of them, those that another node had failed.</summary>
    public long Retries => Interlocked.Read(ref retries);

    public void Begin(bool again)
    {
        Interlocked.Increment(ref underWay);
        Interlocked.Increment(ref requests);
        if (again)
            Interlocked.Increment(ref retries);
    }

    public void End() => Interlocked.Decrement(ref underWay);
}

/// <summary>Where a backend is now.</summary>
/// <param name="Backend">The plugin on the node.</param>
/// <param name="Address">Address of the node, with a slash at its end.</param>
/// <param name="Version">Version of the plugin there.</param>
/// <param name="Weight">Weight of the node.</param>
/// <param name="IsReady">The node said so when it was last asked.</param>
internal sealed record Place(Backend Backend, string Address, string Version, double Weight, bool IsReady)
{
    /// <summary>Address by HTTP/2; null when it has none.</summary>
    public string? Http2Address { get; init; }

    /// <summary>Full names of the gRPC services of the plugin's resources there.</summary>
    public IReadOnlyCollection<string> Resources { get; init; } = [];
}
