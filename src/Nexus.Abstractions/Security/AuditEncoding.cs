using System.Buffers.Binary;
using System.Text;

namespace Nexus;

/// <summary>The one binary form of an audit entry: engines store it, the trail hashes it. Injective: two entries that differ have different bytes.</summary>
/// <remarks>Version 1: the byte 1; the instant as microseconds since 1970, 8 bytes; the result, 1 byte; then tenant, actor, action, subject, address, user agent, correlation id and detail, each as its length in UTF-8 bytes (4 bytes, -1 for null) and the bytes. Numbers are big-endian.</remarks>
public static class AuditEncoding
{
    private const byte Version = 1;
    private const int HeadLength = 10;

    /// <summary>Number of a text for <see cref="TextOf"/>.</summary>
    public const int Tenant = 0, Actor = 1, Action = 2, Subject = 3, Address = 4, UserAgent = 5, CorrelationId = 6, Detail = 7;

    /// <summary>One text within the bytes of an entry, without decoding the others; empty when it is null or the bytes are no entry.</summary>
    public static ReadOnlySpan<byte> TextOf(ReadOnlySpan<byte> encoded, int number)
    {
        for (var offset = HeadLength; encoded.Length - offset >= 4; number--)
        {
            var length = Math.Max(BinaryPrimitives.ReadInt32BigEndian(encoded[offset..]), 0);
            offset += 4;
            if (length > encoded.Length - offset)
                return default;
            if (number == 0)
                return encoded.Slice(offset, length);
            offset += length;
        }

        return default;
    }

    /// <summary>The bytes of an entry.</summary>
    public static byte[] Encode(AuditEntry entry)
    {
        var bytes = new byte[LengthOf(entry)];
        Write(entry, bytes);
        return bytes;
    }

    /// <summary>The number of bytes of an entry.</summary>
    public static int LengthOf(AuditEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return HeadLength + Length(entry.Tenant) + Length(entry.Actor) + Length(entry.Action) + Length(entry.Subject) + Length(entry.Address) + Length(entry.UserAgent) + Length(entry.CorrelationId) + 4 + entry.Detail.Length;
    }

    /// <summary>Writes the bytes of an entry into a span that has room for <see cref="LengthOf"/>.</summary>
    public static void Write(AuditEntry entry, Span<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(entry);
        bytes[0] = Version;
        BinaryPrimitives.WriteInt64BigEndian(bytes[1..], (entry.At.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond);
        bytes[9] = (byte)entry.Result;
        var rest = Write(Write(Write(Write(Write(Write(Write(bytes[HeadLength..], entry.Tenant), entry.Actor), entry.Action), entry.Subject), entry.Address), entry.UserAgent), entry.CorrelationId);
        BinaryPrimitives.WriteInt32BigEndian(rest, entry.Detail.Length);
        entry.Detail.Span.CopyTo(rest[4..]);
    }

    /// <summary>The entry of its bytes.</summary>
    /// <exception cref="FormatException">They are not those of one entry.</exception>
    public static AuditEntry Decode(ReadOnlyMemory<byte> encoded)
    {
        var bytes = encoded.Span;
        if (bytes.Length < HeadLength || bytes[0] != Version || bytes[9] > (byte)AuditResult.Failure)
            throw new FormatException("The bytes are not an audit entry of version 1.");
        try
        {
            var at = DateTimeOffset.UnixEpoch.AddTicks(BinaryPrimitives.ReadInt64BigEndian(bytes[1..]) * TimeSpan.TicksPerMicrosecond);
            var result = (AuditResult)bytes[9];
            var offset = HeadLength;
            string? Next(ReadOnlySpan<byte> all)
            {
                var length = BinaryPrimitives.ReadInt32BigEndian(all[offset..]);
                var text = length < 0 ? null : Encoding.UTF8.GetString(all.Slice(offset + 4, length));
                offset += 4 + Math.Max(length, 0);
                return text;
            }

            var entry = new AuditEntry { At = at, Result = result, Tenant = Next(bytes) ?? "", Actor = Next(bytes) ?? "", Action = Next(bytes) ?? "", Subject = Next(bytes), Address = Next(bytes), UserAgent = Next(bytes), CorrelationId = Next(bytes) };
            var detail = BinaryPrimitives.ReadInt32BigEndian(bytes[offset..]);
            return detail == bytes.Length - offset - 4 ? entry with { Detail = encoded[(offset + 4)..] } : throw new FormatException("The audit entry has bytes too many or too few.");
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new FormatException("The audit entry is cut off.", e);
        }
    }

    private static int Length(string? text) => 4 + (text is null ? 0 : Encoding.UTF8.GetByteCount(text));

    private static Span<byte> Write(Span<byte> target, string? text)
    {
        var length = text is null ? -1 : Encoding.UTF8.GetBytes(text, target[4..]);
        BinaryPrimitives.WriteInt32BigEndian(target, length);
        return target[(4 + Math.Max(length, 0))..];
    }
}
