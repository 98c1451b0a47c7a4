using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Audit.Chain;

/// <summary>The hashes of the trail, SHA-256 with a first byte that keeps the kinds apart: 0 a leaf and 1 a node as in RFC 6962 (2.1), 2 a link of the chain.</summary>
internal static class Hashing
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = 32;

    private const int OnStack = 2048;

    /// <summary>Where the chain of a tenant begins.</summary>
    public static byte[] Genesis(string tenant) => SHA256.HashData(Encoding.UTF8.GetBytes("nexus audit chain v1\0" + tenant));

    /// <summary>What the leaf hash is taken over: the place in the node's queue (8 bytes, big-endian) and the encoding of the entry. The place orders entries; a copy of one elsewhere has another hash.</summary>
    public static byte[] LeafInput(long source, AuditEntry entry)
    {
        var input = new byte[9 + AuditEncoding.LengthOf(entry)];
        WriteLeaf(source, entry, input);
        return input;
    }

    /// <summary>Hash of an entry.</summary>
    public static void Leaf(long source, AuditEntry entry, Span<byte> hash)
    {
        var length = 9 + AuditEncoding.LengthOf(entry);
        if (length <= OnStack)
        {
            Span<byte> input = stackalloc byte[OnStack];
            WriteLeaf(source, entry, input[..length]);
            SHA256.HashData(input[..length], hash);
            return;
        }

        var rented = ArrayPool<byte>.Shared.Rent(length);
        WriteLeaf(source, entry, rented.AsSpan(0, length));
        SHA256.HashData(rented.AsSpan(0, length), hash);
        ArrayPool<byte>.Shared.Return(rented);
    }

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

    private static void WriteLeaf(long source, AuditEntry entry, Span<byte> input)
    {
        input[0] = 0;
        BinaryPrimitives.WriteInt64BigEndian(input[1..], source);
        AuditEncoding.Write(entry, input[9..]);
    }
}
