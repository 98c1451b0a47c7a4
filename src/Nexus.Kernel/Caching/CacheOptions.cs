namespace Nexus.Kernel.Caching;

/// <summary>Section <c>cache</c>.</summary>
internal sealed class CacheOptions
{
    /// <summary>Name of the shared level; <c>memory</c> for none.</summary>
    public string Type { get; set; } = "memory";

    /// <summary>Keep values in the node's database as the last level.</summary>
    public bool Database { get; set; }

    /// <summary>Time a value is fresh when nobody says otherwise.</summary>
    public double LifeSeconds { get; set; } = 300;

    /// <summary>Greatest time a value is kept.</summary>
    public double MaxLifeSeconds { get; set; } = 7 * 24 * 3600;

    /// <summary>Further time in which a value is served when its loader fails.</summary>
    public double StaleSeconds { get; set; } = 60;

    /// <summary>Part of its life after which a value is renewed behind an answer.</summary>
    public double RefreshAt { get; set; } = 0.8;

    /// <summary>Entries in memory.</summary>
    public int MaxEntries { get; set; } = 100_000;

    /// <summary>Bytes in memory.</summary>
    public long MaxBytes { get; set; } = 64L << 20;

    /// <summary>Greatest value that is kept.</summary>
    public int MaxEntryBytes { get; set; } = 1 << 20;

    /// <summary>Which entries give way.</summary>
    public CacheEviction Eviction { get; set; }

    /// <summary>Time that a shared level has for an answer.</summary>
    public double TimeoutSeconds { get; set; } = 0.5;

    /// <summary>Time that a node has for a load before another one loads as well.</summary>
    public double ClaimSeconds { get; set; } = 10;

    /// <summary>Addresses of edge caches that are told of removed tags.</summary>
    public IList<string> Edges { get; } = [];

    /// <summary>Time for which memory is served while the node hears nothing of the others.</summary>
    public double IsolatedSeconds { get; set; } = 30;
}

/// <summary>Which entries of a full memory give way first.</summary>
internal enum CacheEviction
{
    /// <summary>Those used longest ago.</summary>
    Lru,

    /// <summary>Those used least often.</summary>
    Lfu,

    /// <summary>Those that end soonest.</summary>
    Ttl,
}
