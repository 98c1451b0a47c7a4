using System.Collections.Immutable;

namespace Nexus;

/// <summary>Pools of connections that this node holds, for its metrics. Thread-safe; cheap.</summary>
public interface IConnectionPools
{
    /// <summary>What each pool holds now.</summary>
    ImmutableArray<PoolUse> List();
}

/// <summary>What a pool holds now.</summary>
/// <param name="Name">What it leads to: a file without its folder, or the name of an engine.</param>
/// <param name="InUse">Connections that somebody works with; at most <paramref name="Max"/>.</param>
/// <param name="Idle">Open connections that wait for the next use.</param>
/// <param name="Max">Most connections at one time; who asks for more waits.</param>
public sealed record PoolUse(string Name, int InUse, int Idle, int Max)
{
    /// <summary>Uses since the pool was made that found an open connection; null where the pool does not count them.</summary>
    public long? Hits { get; init; }
}
