namespace Nexus.Kernel.Caching;

/// <summary>The way of most look-ups: a fresh entry in memory, without a task and without a loader.</summary>
internal interface IMemoryReader
{
    /// <summary>Finds a fresh entry in memory; false also when the long way has something to do with it.</summary>
    bool TryRead(KnownKey key, out CachedValue value);
}

/// <summary>A key that was used before.</summary>
internal sealed class KnownKey(CacheKey key)
{
    public CacheKey Key => key;

    /// <summary>The whole key in the default tenant, once it is known.</summary>
    public string? Whole { get; set; }

    /// <summary>The bytes that were read last, with what they were read to; replaced as one.</summary>
    public Tuple<byte[], object>? Last { get; set; }
}
