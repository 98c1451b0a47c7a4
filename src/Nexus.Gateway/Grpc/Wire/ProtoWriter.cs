using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Nexus.Gateway.Grpc.Wire;

/// <summary>Writes one message in the protobuf wire format into a buffer of its own.</summary>
internal sealed class ProtoWriter : IDisposable
{
    private byte[] buffer = ArrayPool<byte>.Shared.Rent(512);

    /// <summary>Bytes that were written.</summary>
    public int Length { get; private set; }

    /// <summary>What was written; valid until the next write.</summary>
    public ReadOnlyMemory<byte> Written => buffer.AsMemory(0, Length);

    /// <summary>A whole number; negative ones take ten bytes, as the format says.</summary>
    public void Int64(int number, long value)
    {
        Tag(number, WireType.Varint);
        Varint((ulong)value);
    }

    /// <summary>Yes or no.</summary>
    public void Bool(int number, bool value) => Int64(number, value ? 1 : 0);

    /// <summary>A number of 64 bits.</summary>
    public void Double(int number, double value)
    {
        Tag(number, WireType.Fixed64);
        BinaryPrimitives.WriteDoubleLittleEndian(Take(8), value);
    }

    /// <summary>Text.</summary>
    public void Text(int number, string value)
    {
        Tag(number, WireType.Bytes);
        var length = Encoding.UTF8.GetByteCount(value);
        Varint((ulong)length);
        Encoding.UTF8.GetBytes(value, Take(length));
    }

    /// <summary>Bytes, or text in UTF-8.</summary>
    public void Bytes(int number, ReadOnlySpan<byte> value)
    {
        Tag(number, WireType.Bytes);
        Varint((ulong)value.Length);
        value.CopyTo(Take(value.Length));
    }

    /// <summary>Begins a message within this one; what is returned is given to <see cref="End"/>.</summary>
    public int Begin(int number)
    {
        Tag(number, WireType.Bytes);
        Take(1);
        return Length;
    }

    /// <summary>Ends a message: its length goes before it, and what was written moves where that takes more than a byte.</summary>
    public void End(int start)
    {
        var length = Length - start;
        var size = SizeOf((ulong)length);
        if (size > 1)
        {
            Take(size - 1);
            buffer.AsSpan(start, length).CopyTo(buffer.AsSpan(start + size - 1));
        }
        var at = start - 1;
        for (var rest = (uint)length; ; rest >>= 7)
        {
            buffer[at++] = (byte)(rest >= 0x80 ? rest | 0x80 : rest);
            if (rest < 0x80)
                break;
        }
    }

    /// <summary>Room for bytes that the caller writes, of which <see cref="Shorten"/> gives back what was too much.</summary>
    public Span<byte> Take(int length)
    {
        if (Length + length > buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(buffer.Length * 2, Length + length));
            buffer.AsSpan(0, Length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }
        var taken = buffer.AsSpan(Length, length);
        Length += length;
        return taken;
    }

    /// <summary>Gives back the last bytes.</summary>
    public void Shorten(int by) => Length -= by;

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(buffer);
        (buffer, Length) = ([], 0);
    }

    private static int SizeOf(ulong value) => ((BitOperations.Log2(value | 1) * 9) + 73) / 64;

    private void Tag(int number, WireType type) => Varint(((ulong)number << 3) | (uint)type);

    private void Varint(ulong value)
    {
        var to = Take(SizeOf(value));
        for (var i = 0; i < to.Length; i++, value >>= 7)
            to[i] = (byte)(i < to.Length - 1 ? value | 0x80 : value);
    }
}

/// <summary>How a field's value is laid out.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    GroupStart = 3,
    GroupEnd = 4,
    Fixed32 = 5,
}
