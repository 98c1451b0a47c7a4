using System.Collections.Immutable;

namespace Nexus.Data.Registration;

/// <summary>The pools of the opened storage engine; none before it is open.</summary>
internal sealed class StoragePools(StorageOpener opener) : IConnectionPools
{
    public ImmutableArray<PoolUse> List() => opener.IsOpen ? opener.Set.Pools() : [];
}
