using System.Collections.Immutable;

namespace Nexus.Core.Audit.Chain;

/// <summary>The tree of RFC 6962 (2.1) over leaf hashes laid one after another. A node without a partner rises a level as it is, which gives the same tree as the split at the largest power of two.</summary>
internal static class MerkleTree
{
    /// <summary>The root of at least one leaf.</summary>
    public static byte[] Root(ReadOnlySpan<byte> leaves)
    {
        var level = leaves.ToArray();
        for (var count = level.Length / Hashing.Size; count > 1; count = Rise(level, count))
        {
            // Each turn halves the level in place.
        }

        return level[..Hashing.Size];
    }

    /// <summary>The audit path of a leaf (RFC 6962, 2.1.1), from the leaf up.</summary>
    public static ImmutableArray<byte[]> Path(ReadOnlySpan<byte> leaves, int index)
    {
        var path = ImmutableArray.CreateBuilder<byte[]>();
        var level = leaves.ToArray();
        for (var count = level.Length / Hashing.Size; count > 1; count = Rise(level, count), index >>= 1)
        {
            if ((index ^ 1) < count)
                path.Add(At(level, index ^ 1).ToArray());
        }

        return path.ToImmutable();
    }

    /// <summary>Whether a leaf lies at a place of the tree with that root.</summary>
    public static bool Proves(ReadOnlySpan<byte> leaf, int index, int count, IReadOnlyList<byte[]> path, ReadOnlySpan<byte> root)
    {
        Span<byte> hash = stackalloc byte[Hashing.Size];
        leaf.CopyTo(hash);
        var used = 0;
        for (; count > 1; index >>= 1, count = (count + 1) / 2)
        {
            if ((index ^ 1) >= count)
                continue;
            if (used == path.Count)
                return false;
            if ((index & 1) == 0)
                Hashing.Node(hash, path[used++], hash);
            else
                Hashing.Node(path[used++], hash, hash);
        }

        return used == path.Count && index == 0 && hash.SequenceEqual(root);
    }

    private static int Rise(Span<byte> level, int count)
    {
        for (var i = 0; i + 1 < count; i += 2)
            Hashing.Node(At(level, i), At(level, i + 1), At(level, i / 2));
        if (count % 2 == 1)
            At(level, count - 1).CopyTo(At(level, count / 2));
        return (count + 1) / 2;
    }

    private static Span<byte> At(Span<byte> level, int index) => level.Slice(index * Hashing.Size, Hashing.Size);
}
