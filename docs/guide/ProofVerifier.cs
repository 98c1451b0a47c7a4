using System.Security.Cryptography;
using System.Text.Json.Nodes;

/// <summary>Checks an answer of <c>GET /api/v1/audit/{position}/proof</c> with nothing but the public key that you trust.</summary>
internal static class ProofVerifier
{
    /// <summary>Whether the entry lies in a batch that the key signed. The entry itself is in <c>leafInput</c>, from byte 9 on.</summary>
    public static bool Verify(string proof, string trustedPublicKey)
    {
        var json = JsonNode.Parse(proof)!;
        var hash = SHA256.HashData(Convert.FromBase64String((string)json["leafInput"]!));
        var path = new Queue<byte[]>(json["path"]!.AsArray().Select(h => Convert.FromHexString((string)h!)));
        var (index, count) = ((int)json["index"]!, (int)json["count"]!);
        for (; count > 1; index >>= 1, count = (count + 1) / 2)
        {
            if ((index ^ 1) >= count) continue; // no partner at this level: the node rises as it is
            if (!path.TryDequeue(out var partner)) return false;
            hash = SHA256.HashData(index % 2 == 0 ? [1, .. hash, .. partner] : [1, .. partner, .. hash]);
        }

        var signed = Convert.FromBase64String((string)json["seal"]!["signed"]!);
        using var key = ECDsa.Create();
        key.ImportFromPem(trustedPublicKey);
        return path.Count == 0 && index == 0
            && signed.AsSpan().IndexOf(hash) >= 0 // the root stands among the signed bytes
            && key.VerifyData(signed, Convert.FromBase64String((string)json["seal"]!["signature"]!), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }
}
