using System.Buffers.Binary;
using System.Numerics;

namespace Nexus.Core.Audit.Chain;

/// <summary>Which batches may hold an actor, subject, address, action or request id: the span of time and a Bloom filter (10 bits a term, 4 probes: about 1 batch of 100 is read in vain).</summary>
internal sealed record Terms(long Earliest, long Latest, byte[] Filter)
{
    private const int Probes = 4;
    private const int BitsOfEntry = 30;

    private static readonly int[] Fields = [AuditEncoding.Actor, AuditEncoding.Action, AuditEncoding.Subject, AuditEncoding.Address, AuditEncoding.CorrelationId];

    /// <summary>The terms of a batch.</summary>
    public static Terms Of(Batch batch)
    {
        var filter = new byte[Math.Max(8, (int)BitOperations.RoundUpToPowerOf2((uint)(batch.Count * BitsOfEntry)) / 8)];
        var (earliest, latest) = (long.MaxValue, long.MinValue);
        for (var i = 0; i < batch.Count; i++)
        {
            var encoded = batch.Encoded(i).Span;
            if (encoded.Length < 9)
                continue;
            var at = BinaryPrimitives.ReadInt64BigEndian(encoded[1..]);
            (earliest, latest) = (Math.Min(earliest, at), Math.Max(latest, at));
            foreach (var field in Fields)
                Probe(filter, Hash(field, AuditEncoding.TextOf(encoded, field)), set: true);
        }

        return new Terms(earliest, latest, filter);
    }

    /// <summary>Whether a batch may hold a value of a field.</summary>
    public static bool MayHold(byte[] filter, int field, ReadOnlySpan<byte> value) => filter.Length == 0 || !BitOperations.IsPow2(filter.Length) || Probe(filter, Hash(field, value), set: false);

    private static bool Probe(byte[] filter, ulong hash, bool set)
    {
        var (bits, step) = ((uint)filter.Length * 8, (uint)(hash >> 32) | 1);
        var at = (uint)hash;
        for (var i = 0; i < Probes; i++, at += step)
        {
            var bit = at & (bits - 1);
            if (set)
                filter[bit >> 3] |= (byte)(1 << (int)(bit & 7));
            else if ((filter[bit >> 3] & (1 << (int)(bit & 7))) == 0)
                return false;
        }

        return true;
    }

    /// <summary>FNV-1a with a last mix: the filter is stored, so its hash may never change.</summary>
    private static ulong Hash(int field, ReadOnlySpan<byte> value)
    {
        var hash = (14695981039346656037 ^ (ulong)field) * 1099511628211;
        foreach (var b in value)
            hash = (hash ^ b) * 1099511628211;
        hash ^= hash >> 33;
        hash *= 0xff51afd7ed558ccd;
        return hash ^ (hash >> 33);
    }
}
