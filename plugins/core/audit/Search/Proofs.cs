using System.Text.Json.Nodes;
using Nexus.Core.Audit.Chain;
using Nexus.Core.Audit.Http;

namespace Nexus.Core.Audit.Search;

/// <summary>Evidence that an entry lies in the sealed trail, for somebody who trusts only the public key.</summary>
internal sealed class Proofs(TrailStore store, SealKeys keys)
{
    /// <summary>The proof of an entry; null when there is none at the position.</summary>
    public async Task<JsonObject?> FindAsync(long position, CancellationToken cancellationToken)
    {
        if (await store.SealOfAsync(position, cancellationToken) is not { } seal)
            return null;
        if (await store.FindBatchAsync(seal.Number, cancellationToken) is not { } batch || batch.Count != seal.Count)
            return null;
        var index = (int)(position - seal.First);
        var leaves = batch.Leaves();
        if (batch.Find(index) is not { } entry)
            return null;
        return new JsonObject
        {
            ["entry"] = JsonNode.Parse(EntryJson.Line(entry)),
            ["leafInput"] = Convert.ToBase64String(batch.LeafInput(index)),
            ["index"] = index,
            ["count"] = seal.Count,
            ["path"] = new JsonArray([.. MerkleTree.Path(leaves, index).Select(h => (JsonNode)Convert.ToHexStringLower(h))]),
            ["root"] = Convert.ToHexStringLower(seal.Root),
            ["seal"] = SealJson(seal),
        };
    }

    /// <summary>A seal with what is needed to check its signature.</summary>
    public JsonObject SealJson(Seal seal) => new()
    {
        ["number"] = seal.Number,
        ["first"] = seal.First,
        ["last"] = seal.Last,
        ["at"] = EntryJson.Instant(TrailStore.Instant(seal.At)),
        ["root"] = Convert.ToHexStringLower(seal.Root),
        ["chain"] = Convert.ToHexStringLower(seal.Chain),
        ["signed"] = Convert.ToBase64String(seal.Signed(TrailStore.Tenant)),
        ["signature"] = Convert.ToBase64String(seal.Signature),
        ["key"] = seal.Key,
        ["publicKey"] = keys.PublicKeys().GetValueOrDefault(seal.Key),
    };
}
