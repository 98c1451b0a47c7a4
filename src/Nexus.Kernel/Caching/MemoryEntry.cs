using System.Collections.Immutable;

namespace Nexus.Kernel.Caching;

/// <summary>An entry in memory. Times are stamps of the clock that runs evenly. All but the marks of use is fixed.</summary>
internal sealed class MemoryEntry
{
    private int refreshing;

    public required string Key { get; init; }

    /// <summary>The plugin or room on whose account it is.</summary>
    public required string Owner { get; init; }

    public required ReadOnlyMemory<byte> Value { get; init; }

    public required ImmutableArray<CacheTag> Tags { get; init; }

    public required long Since { get; init; }

    public required long RefreshAt { get; init; }

    public required long FreshUntil { get; init; }

    public required long StaleUntil { get; init; }

    /// <summary>Bytes it is counted as: what it holds and what it takes to hold it.</summary>
    public int Size => 200 + (2 * Key.Length) + Value.Length;

    /// <summary>Written by every reader without a lock: a lost mark only makes the choice of what gives way a little worse.</summary>
    public long UsedAt { get; set; }

    public int Uses { get; set; }

    /// <summary>Place in the list of all.</summary>
    public int Index { get; set; } = -1;

    /// <summary>Place in the list of its owner.</summary>
    public int OwnIndex { get; set; } = -1;

    /// <summary>Only the first reader past the point of renewal renews.</summary>
    public bool TryBeginRefresh() => Interlocked.Exchange(ref refreshing, 1) == 0;
}
