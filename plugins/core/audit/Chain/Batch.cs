using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Nexus.Core.Audit.Chain;

/// <summary>An entry of the trail of a tenant.</summary>
/// <param name="Position">Place in the tenant's trail, from 1 without gaps.</param>
/// <param name="Source">Place in the node's queue.</param>
/// <param name="Entry">The entry.</param>
internal sealed record SealedEntry(long Position, long Source, AuditEntry Entry);

/// <summary>The entries under one seal as they are stored. For each: length of what follows the chain (4 bytes, big-endian), chain after it (32 bytes), then what its leaf hash is taken over: a zero byte, its place in the queue (8 bytes, big-endian), its encoding. Verification hashes those bytes where they lie.</summary>
internal sealed class Batch
{
    private const int HeadSize = 4 + Hashing.Size;
    private const int LeafHead = 1 + 8;

    private readonly List<(int Offset, int Length)> _rows;
    private byte[]? _leaves;

    private Batch(long first, byte[] bytes, List<(int Offset, int Length)> rows) => (First, Bytes, _rows) = (first, bytes, rows);

    /// <summary>Position of the first entry.</summary>
    public long First { get; }

    /// <summary>The stored bytes.</summary>
    public byte[] Bytes { get; }

    /// <summary>Number of entries; a last one that cannot be read counts.</summary>
    public int Count => _rows.Count;

    /// <summary>Reads stored bytes; where they break off or make no sense, the rest is one entry that nothing was sealed over.</summary>
    public static Batch Parse(long first, byte[] bytes)
    {
        var rows = new List<(int, int)>(bytes.Length / 256);
        for (var offset = 0; offset < bytes.Length;)
        {
            var length = bytes.Length - offset >= HeadSize ? BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(offset)) : -1;
            if (length < LeafHead || length > bytes.Length - offset - HeadSize)
            {
                rows.Add((offset, -1));
                break;
            }

            rows.Add((offset + HeadSize, length));
            offset += HeadSize + length;
        }

        return new Batch(first, bytes, rows);
    }

    /// <summary>Lays out entries after the end of a chain.</summary>
    /// <param name="first">Position of the first entry.</param>
    /// <param name="entries">Place in the queue and encoding of each.</param>
    /// <param name="chain">The chain before; afterwards the chain after the last.</param>
    public static Batch Seal(long first, IReadOnlyList<(long Source, ReadOnlyMemory<byte> Encoded)> entries, Span<byte> chain)
    {
        var bytes = new byte[entries.Sum(e => HeadSize + LeafHead + e.Encoded.Length)];
        var rows = new List<(int, int)>(entries.Count);
        var leaves = new byte[entries.Count * Hashing.Size];
        var offset = 0;
        foreach (var (source, encoded) in entries)
        {
            var length = LeafHead + encoded.Length;
            var row = bytes.AsSpan(offset, HeadSize + length);
            BinaryPrimitives.WriteInt32BigEndian(row, length);
            BinaryPrimitives.WriteInt64BigEndian(row[(HeadSize + 1)..], source);
            encoded.Span.CopyTo(row[(HeadSize + LeafHead)..]);
            var leaf = leaves.AsSpan(rows.Count * Hashing.Size, Hashing.Size);
            SHA256.HashData(row[HeadSize..], leaf);
            Hashing.Link(chain, leaf, chain);
            chain.CopyTo(row[4..]);
            rows.Add((offset + HeadSize, length));
            offset += row.Length;
        }

        return new Batch(first, bytes, rows) { _leaves = leaves };
    }

    /// <summary>What the hash of an entry is taken over.</summary>
    public ReadOnlySpan<byte> LeafInput(int index) => _rows[index] is (var offset, >= 0 and var length) ? Bytes.AsSpan(offset, length) : Bytes.AsSpan(_rows[index].Offset);

    /// <summary>The chain that is stored with an entry.</summary>
    public ReadOnlySpan<byte> Chain(int index) => _rows[index].Length < 0 ? default : Bytes.AsSpan(_rows[index].Offset - Hashing.Size, Hashing.Size);

    /// <summary>Place of an entry in the queue.</summary>
    public long Source(int index) => _rows[index].Length < 0 ? -1 : BinaryPrimitives.ReadInt64BigEndian(LeafInput(index)[1..]);

    /// <summary>The encoding of an entry.</summary>
    public ReadOnlyMemory<byte> Encoded(int index) => _rows[index].Length < 0 ? default : Bytes.AsMemory(_rows[index].Offset + LeafHead, _rows[index].Length - LeafHead);

    /// <summary>An entry; null when its bytes are none.</summary>
    public SealedEntry? Find(int index)
    {
        try
        {
            return new SealedEntry(First + index, Source(index), AuditEncoding.Decode(Encoded(index)));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>The leaf hashes, laid one after another.</summary>
    public byte[] Leaves()
    {
        if (_leaves is { } known)
            return known;
        var leaves = new byte[Count * Hashing.Size];
        for (var i = 0; i < Count; i++)
            SHA256.HashData(LeafInput(i), leaves.AsSpan(i * Hashing.Size, Hashing.Size));
        return _leaves = leaves;
    }
}
