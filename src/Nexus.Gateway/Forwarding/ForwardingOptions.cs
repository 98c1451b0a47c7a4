namespace Nexus.Gateway.Forwarding;

/// <summary>How a node passes requests on to nodes that have the plugin; section <c>gateway</c>.</summary>
internal sealed class ForwardingOptions
{
    /// <summary>How one of several nodes is chosen.</summary>
    public Balancing Balancing { get; set; } = Balancing.LeastRequests;

    /// <summary>Nodes that a request is tried on at most.</summary>
    public int Tries { get; set; } = 3;

    /// <summary>Bytes of a body that are kept for another try; a larger one is sent once.</summary>
    public long BufferBytes { get; set; } = 64 * 1024;

    /// <summary>Seconds without a byte from the node after which the caller gets 504.</summary>
    public double TimeoutSeconds { get; set; } = 100;

    /// <summary>Seconds between two looks at each node's <c>/health/ready</c>; 0 for none.</summary>
    public double ProbeSeconds { get; set; } = 2;

    /// <summary>PEM file of the authorities that vouch for the nodes' certificates; those of the machine when null.</summary>
    public string? CertificateAuthority { get; set; }

    /// <summary>File of the certificate that is shown to nodes: PEM (leaf first) or PFX; none when null. A replaced file is read again.</summary>
    public string? Certificate { get; set; }

    /// <summary>File of its private key in PEM; null when it stands in the certificate's file.</summary>
    public string? Key { get; set; }

    /// <summary>Password of the PFX or of an encrypted key.</summary>
    public string? Password { get; set; }

    /// <summary>Pass nothing on to a node that is reached without TLS.</summary>
    public bool RequireTls { get; set; }

    /// <summary>When a node is not asked for a while.</summary>
    public BreakerOptions Breaker { get; set; } = new();

    /// <summary>Rules for parts of the address space; the longest path wins.</summary>
    public IList<ForwardingRoute> Routes { get; } = [];
}

/// <summary>Ways to choose a node.</summary>
internal enum Balancing
{
    /// <summary>The one with the fewest requests under way for its weight.</summary>
    LeastRequests,

    /// <summary>In turn, by weight.</summary>
    RoundRobin,
}

/// <summary>When a plugin of a node is left alone; section <c>gateway:breaker</c>.</summary>
internal sealed class BreakerOptions
{
    /// <summary>Failures in a row (no connection, 502, 503, 504) after which it is not asked.</summary>
    public int Failures { get; set; } = 5;

    /// <summary>Seconds until one request tries it again.</summary>
    public double OpenSeconds { get; set; } = 5;

    /// <summary>Share of answers of 500 and above, in windows of ten seconds with at least twenty requests, from which on it is left out while others serve; 0 for never.</summary>
    public double OutlierShare { get; set; } = 0.5;

    /// <summary>Seconds for which it is left out.</summary>
    public double OutlierSeconds { get; set; } = 30;
}

/// <summary>A rule for a part of the address space.</summary>
internal sealed class ForwardingRoute
{
    /// <summary>Beginning of the path, such as <c>/api/business/orders</c>.</summary>
    public string Path { get; set; } = "";

    /// <summary>Weight of each version of the plugin, such as 90 and 10; versions that are not named get nothing. Empty: all alike.</summary>
    public IDictionary<string, double> Versions { get; } = new Dictionary<string, double>(StringComparer.Ordinal);

    /// <summary>What stands in the place of <see cref="Path"/> on the way to the node; null leaves it.</summary>
    public string? Rewrite { get; set; }

    /// <summary>Seconds without a byte from the node; that of the section when null.</summary>
    public double? TimeoutSeconds { get; set; }

    /// <summary>Headers that the node gets; an empty value removes one.</summary>
    public IDictionary<string, string> RequestHeaders { get; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Headers that the caller gets; an empty value removes one.</summary>
    public IDictionary<string, string> ResponseHeaders { get; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
}
