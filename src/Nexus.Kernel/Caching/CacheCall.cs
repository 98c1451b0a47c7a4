namespace Nexus.Kernel.Caching;

/// <summary>One call of a reader or writer, with keys and tags as they are stored.</summary>
/// <param name="Key">Whole key.</param>
/// <param name="Owner">On whose account.</param>
/// <param name="Rules">How it is kept.</param>
internal readonly record struct CacheCall(string Key, string Owner, CacheRules Rules)
{
    /// <summary>Makes the tags of a loader's answer whole, in the tenant of the call.</summary>
    public CacheSpace? Space { get; init; }

    /// <summary>Loads the value.</summary>
    public CacheLoad? Load { get; init; }

    /// <summary>Held while the loader runs; null for code of the host.</summary>
    public IGeneration? Lease { get; init; }

    public bool UsesMemory => Rules.Reach != CacheReach.Shared;

    public bool UsesShared => Rules.Reach != CacheReach.Memory;
}
