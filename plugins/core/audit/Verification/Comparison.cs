using System.Collections.Immutable;
using Nexus.Core.Audit.Anchors;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Verification;

/// <summary>Compares the entries of one seal with what was sealed.</summary>
internal static class Comparison
{
    /// <summary>Compares with a seal; the common case, in which all is well, computes three hashes an entry and nothing else.</summary>
    public static void WithSeal(ImmutableArray<SealedEntry> entries, Seal seal, ReadOnlySpan<byte> before, AnchoredSeal? anchored, Findings findings)
    {
        var leaves = new byte[entries.Length * Hashing.Size];
        Span<byte> chain = stackalloc byte[Hashing.Size];
        before.CopyTo(chain);
        var broken = -1;
        for (var i = 0; i < entries.Length; i++)
        {
            var leaf = leaves.AsSpan(i * Hashing.Size, Hashing.Size);
            Hashing.Leaf(entries[i].Source, entries[i].Entry, leaf);
            Hashing.Link(chain, leaf, chain);
            if (broken < 0 && (entries[i].Position != seal.First + i || !chain.SequenceEqual(entries[i].Chain)))
                broken = i;
        }

        if (broken < 0 && entries.Length == seal.Count && chain.SequenceEqual(seal.Chain) && MerkleTree.Root(leaves).AsSpan().SequenceEqual(seal.Root))
            return;
        if (anchored is not null && WithMarks(entries, seal.First, anchored, findings, $"it is not what seal {seal.Number} was made over"))
            return;
        Explain(entries, seal, broken, anchored is not null, findings);
    }

    /// <summary>Finds the first entry whose mark is not the anchored one; false when all fit.</summary>
    public static bool WithMarks(ImmutableArray<SealedEntry> entries, long first, AnchoredSeal anchored, Findings findings, string what)
    {
        var sealed_ = anchored.Marks.Chunk(AnchoredSeal.MarkSize).Select(Convert.ToHexString).ToList();
        var found = entries.Select(Mark).ToList();
        for (var i = 0; i < sealed_.Count; i++)
        {
            if (i < found.Count && found[i] == sealed_[i] && entries[i].Position == first + i)
                continue;
            var number = anchored.Seal.Number;
            if (i >= found.Count || (entries[i].Position != first + i && !found.Contains(sealed_[i])) || (i + 1 < sealed_.Count && found[i] == sealed_[i + 1] && !found.Contains(sealed_[i])))
                findings.Add(first + i, number, FindingKind.Missing, what);
            else if (i + 1 < found.Count && found[i + 1] == sealed_[i] && !sealed_.Contains(found[i]))
                findings.Add(first + i, number, FindingKind.Inserted, what);
            else if (sealed_.Contains(found[i]))
                findings.Add(first + i, number, FindingKind.Reordered, what);
            else
                findings.Add(first + i, number, FindingKind.Altered, what);
            return true;
        }

        if (found.Count > sealed_.Count)
        {
            findings.Add(first + sealed_.Count, anchored.Seal.Number, FindingKind.Inserted, what);
            return true;
        }

        return false;
    }

    /// <summary>Without an anchor the chain beside the entries says where it breaks.</summary>
    private static void Explain(ImmutableArray<SealedEntry> entries, Seal seal, int broken, bool marked, Findings findings)
    {
        if (broken >= 0)
        {
            var gap = entries[broken].Position != seal.First + broken;
            findings.Add(seal.First + broken, seal.Number, gap ? FindingKind.Missing : FindingKind.Altered, gap ? "there is no entry of this position" : "its hash does not continue the chain");
        }
        else if (entries.Length < seal.Count)
        {
            findings.Add(seal.First + entries.Length, seal.Number, FindingKind.Missing, "there is no entry of this position");
        }
        else if (marked)
        {
            findings.AddSeal(seal, $"seal {seal.Number} does not fit its entries, which are those that were anchored");
        }
        else
        {
            findings.Add(seal.First, seal.Number, FindingKind.Altered, $"entries {seal.First} to {seal.Last} were written anew with a chain that fits them, but not seal {seal.Number}");
        }
    }

    private static string Mark(SealedEntry entry)
    {
        Span<byte> leaf = stackalloc byte[Hashing.Size];
        Hashing.Leaf(entry.Source, entry.Entry, leaf);
        return Convert.ToHexString(leaf[..AnchoredSeal.MarkSize]);
    }
}
