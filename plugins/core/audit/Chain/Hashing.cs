using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Audit.Chain;

/// <summary>The hashes of the trail, SHA-256 with a first byte that keeps the kinds apart: 0 a leaf and 1 a node as in RFC 6962 (2.1), 2 a link of the chain.</summary>
internal static class Hashing
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = 32;

    /// <summary>Where the chain of a tenant begins.</summary>
    public static byte[] Genesis(string tenant) => SHA256.HashData(Encoding.UTF8.GetBytes("nexus audit chain v1\0" + tenant));

    /// <summary>The chain after an entry.</summary>
    public static void Link(ReadOnlySpan<byte> before, ReadOnlySpan<byte> leaf, Span<byte> after) => Pair(2, before, leaf, after);

    /// <summary>A node of the tree.</summary>
    public static void Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> node) => Pair(1, left, right, node);

    private static void Pair(byte kind, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> hash)
    {
        Span<byte> input = stackalloc byte[1 + Size + Size];
        input[0] = kind;
        first.CopyTo(input[1..]);
        second.CopyTo(input[(1 + Size)..]);
        SHA256.HashData(input, hash);
    }
}
