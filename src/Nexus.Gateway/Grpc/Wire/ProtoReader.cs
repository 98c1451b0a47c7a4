using System.Buffers.Binary;

namespace Nexus.Gateway.Grpc.Wire;

/// <summary>Reads one message in the protobuf wire format. Nothing in it is believed: every length is held to what is left.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private const int MaxDepth = 100;
    private readonly ReadOnlySpan<byte> data = message;

    /// <summary>Where the next value begins.</summary>
    public int Position { get; private set; }

    /// <summary>Reads a field's number and layout; false at the end.</summary>
    public bool TryReadTag(out int number, out WireType type)
    {
        (number, type) = (0, 0);
        if (Position == data.Length)
            return false;
        var tag = Varint();
        (number, type) = ((int)(tag >> 3), (WireType)(tag & 7));
        if (tag > uint.MaxValue || number == 0 || type > WireType.Fixed32)
            throw new ProtoException($"a field cannot have the tag {tag}");
        return true;
    }

    /// <summary>A whole number.</summary>
    public ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (Position >= data.Length)
                throw new ProtoException("it ends within a number");
            var part = data[Position++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw new ProtoException("a number has more than ten bytes");
    }

    /// <summary>Eight bytes.</summary>
    public ulong Fixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>Four bytes.</summary>
    public uint Fixed32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    /// <summary>Bytes with their length before them.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        var length = Varint();
        return length <= int.MaxValue ? Take((int)length) : throw new ProtoException("a length is greater than the message");
    }

    /// <summary>Passes over a value.</summary>
    public void Skip(int number, WireType type, int depth = 0)
    {
        switch (type)
        {
            case WireType.Varint: Varint(); break;
            case WireType.Fixed64: Take(8); break;
            case WireType.Bytes: Bytes(); break;
            case WireType.Fixed32: Take(4); break;
            case WireType.GroupStart when depth < MaxDepth:
                while (true)
                {
                    if (!TryReadTag(out var inner, out var innerType))
                        throw new ProtoException("a group has no end");
                    if (innerType == WireType.GroupEnd)
                    {
                        if (inner != number)
                            throw new ProtoException("a group ends as another");
                        return;
                    }
                    Skip(inner, innerType, depth + 1);
                }
            default: throw new ProtoException(type == WireType.GroupStart ? "it is nested too deeply" : "a group ends that did not begin");
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > data.Length - Position)
            throw new ProtoException("a value is longer than the message");
        var taken = data.Slice(Position, length);
        Position += length;
        return taken;
    }
}

/// <summary>A message cannot be read.</summary>
internal sealed class ProtoException(string reason) : Exception($"The message cannot be read: {reason}.");
