using Nexus.Core.Audit.Anchors;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Verification;

/// <summary>Compares the entries of one seal with what was sealed.</summary>
internal static class Comparison
{
    /// <summary>Compares with a seal; the common case, in which all is well, computes three hashes an entry and nothing else.</summary>
    public static void WithSeal(Batch? batch, Seal seal, ReadOnlySpan<byte> before, AnchoredSeal? anchored, Findings findings)
    {
        if (batch is null)
        {
            findings.Add(seal.First, seal.Number, FindingKind.Missing, $"the entries under seal {seal.Number} are gone");
            return;
        }

        var leaves = batch.Leaves();
        Span<byte> chain = stackalloc byte[Hashing.Size];
        before.CopyTo(chain);
        var broken = -1;
        for (var i = 0; i < batch.Count; i++)
        {
            Hashing.Link(chain, leaves.AsSpan(i * Hashing.Size, Hashing.Size), chain);
            if (broken < 0 && !chain.SequenceEqual(batch.Chain(i)))
                broken = i;
        }

        if (broken < 0 && batch.Count == seal.Count && chain.SequenceEqual(seal.Chain) && MerkleTree.Root(leaves).AsSpan().SequenceEqual(seal.Root))
            return;
        if (anchored is null || !WithMarks(batch, anchored, findings, $"it is not what seal {seal.Number} was made over"))
            Explain(batch, seal, broken >= 0 && anchored is not null && !chain.SequenceEqual(seal.Chain) ? -1 : broken, anchored is not null, findings);
    }

    /// <summary>Finds the first entry whose mark is not the anchored one; false when all fit.</summary>
    public static bool WithMarks(Batch? batch, AnchoredSeal anchored, Findings findings, string what)
    {
        var (first, number) = (anchored.Seal.First, anchored.Seal.Number);
        var made = anchored.Marks.Chunk(AnchoredSeal.MarkSize).Select(Convert.ToHexString).ToList();
        var found = AnchoredSeal.MarksOf(batch?.Leaves() ?? []).Chunk(AnchoredSeal.MarkSize).Select(Convert.ToHexString).ToList();
        for (var i = 0; i < made.Count; i++)
        {
            if (i < found.Count && found[i] == made[i])
                continue;
            var kind = i >= found.Count || (i + 1 < made.Count && found[i] == made[i + 1] && !found.Contains(made[i])) ? FindingKind.Missing
                : i + 1 < found.Count && found[i + 1] == made[i] && !made.Contains(found[i]) ? FindingKind.Inserted
                : made.Contains(found[i]) ? FindingKind.Reordered : FindingKind.Altered;
            findings.Add(first + i, number, kind, what);
            return true;
        }

        if (found.Count == made.Count)
            return false;
        findings.Add(first + made.Count, number, FindingKind.Inserted, what);
        return true;
    }

    /// <summary>The chain beside the entries says where it breaks; entries that are those of the anchor stand in a chain that breaks before them.</summary>
    private static void Explain(Batch batch, Seal seal, int broken, bool marked, Findings findings)
    {
        if (broken >= 0)
            findings.Add(seal.First + broken, seal.Number, FindingKind.Altered, "its hash does not continue the chain");
        else if (batch.Count < seal.Count)
            findings.Add(seal.First + batch.Count, seal.Number, FindingKind.Missing, "there is no entry of this position");
        else if (batch.Count > seal.Count)
            findings.Add(seal.Last + 1, seal.Number, FindingKind.Inserted, $"it was not there when seal {seal.Number} was made");
        else if (marked)
            findings.AddSeal(seal, $"seal {seal.Number} does not fit its entries, which are those that were anchored");
        else
            findings.Add(seal.First, seal.Number, FindingKind.Altered, $"entries {seal.First} to {seal.Last} were written anew with a chain that fits them, but not seal {seal.Number}");
    }
}
