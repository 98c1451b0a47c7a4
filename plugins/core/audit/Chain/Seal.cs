using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Audit.Chain;

/// <summary>A signed statement about a run of entries of one tenant, linked to the one before.</summary>
internal sealed record Seal
{
    private static readonly byte[] Label = "nexus audit seal v1\0"u8.ToArray();

    /// <summary>Number, from 1 without gaps.</summary>
    public required long Number { get; init; }

    /// <summary>Position of its first entry.</summary>
    public required long First { get; init; }

    /// <summary>Position of its last entry.</summary>
    public required long Last { get; init; }

    /// <summary>When, microseconds since 1970.</summary>
    public required long At { get; init; }

    /// <summary>Root of the tree over its entries.</summary>
    public required byte[] Root { get; init; }

    /// <summary>The chain after its last entry.</summary>
    public required byte[] Chain { get; init; }

    /// <summary>Digest of the seal before; zeros for the first.</summary>
    public required byte[] Previous { get; init; }

    /// <summary>Id of the key.</summary>
    public required string Key { get; init; }

    /// <summary>ECDSA P-256 over SHA-256 of <see cref="Signed"/>, DER.</summary>
    public byte[] Signature { get; init; } = [];

    /// <summary>Number of its entries.</summary>
    public int Count => checked((int)(Last - First + 1));

    /// <summary>The bytes that are signed: label, tenant (length and UTF-8), number, first, last, instant, root, chain, previous, key (length and UTF-8); numbers are 8 bytes, lengths 4, big-endian.</summary>
    public byte[] Signed(string tenant)
    {
        var (name, key) = (Encoding.UTF8.GetBytes(tenant), Encoding.UTF8.GetBytes(Key));
        var bytes = new byte[Label.Length + 4 + name.Length + 32 + (3 * Hashing.Size) + 4 + key.Length];
        var rest = Put(bytes.AsSpan(), Label);
        rest = Put(PutLength(rest, name.Length), name);
        foreach (var number in (ReadOnlySpan<long>)[Number, First, Last, At])
        {
            BinaryPrimitives.WriteInt64BigEndian(rest, number);
            rest = rest[8..];
        }

        rest = Put(Put(Put(rest, Root), Chain), Previous);
        Put(PutLength(rest, key.Length), key);
        return bytes;
    }

    /// <summary>What the next seal names as the one before.</summary>
    public byte[] Digest(string tenant) => SHA256.HashData(Signed(tenant));

    private static Span<byte> PutLength(Span<byte> target, int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(target, length);
        return target[4..];
    }

    private static Span<byte> Put(Span<byte> target, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(target);
        return target[bytes.Length..];
    }
}
