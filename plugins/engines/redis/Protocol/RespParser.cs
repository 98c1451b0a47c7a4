using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Nexus.Engines.Redis.Protocol;

/// <summary>Bounds of what a server may send.</summary>
internal sealed record RespLimits
{
    /// <summary>Bytes of one text.</summary>
    public int Bulk { get; init; } = 64 << 20;

    /// <summary>Bytes of a line: a simple text, an error or a header.</summary>
    public int Line { get; init; } = 64 << 10;

    /// <summary>Elements of a whole reply.</summary>
    public int Elements { get; init; } = 1_000_000;

    /// <summary>Aggregates within each other.</summary>
    public int Depth { get; init; } = 32;

    /// <summary>Bytes of a whole reply.</summary>
    public long Reply { get; init; } = 128L << 20;
}

/// <summary>
/// Reads values out of what has arrived so far. What is begun is kept between calls, so that each byte is looked at about once, however the reply is cut into pieces.
/// Lengths are checked before anything is allocated for them. Not thread-safe; of no more use after it threw.
/// </summary>
internal sealed class RespParser(RespLimits limits)
{
    private const long Streamed = -2;
    private readonly Stack<Frame> frames = new();
    private long elements;
    private long consumed;

    /// <summary>Reads the next value; what was read is cut off <paramref name="buffer"/>, also when the value is not whole yet.</summary>
    /// <exception cref="RespException">It is not RESP, or beyond the limits.</exception>
    public bool TryRead(ref ReadOnlySequence<byte> buffer, out RespValue value)
    {
        while (TryReadToken(ref buffer, out var token, out var opened))
        {
            if (consumed > limits.Reply)
                throw new RespException($"A reply is longer than {limits.Reply} bytes.");
            if (opened is { } frame)
            {
                if (frame.Remaining != 0)
                {
                    if (frames.Count >= limits.Depth)
                        throw new RespException($"A reply is nested deeper than {limits.Depth}.");
                    frames.Push(frame);
                    continue;
                }
                if (frame.Kind == Kinds.Attribute)
                    continue;
                token = frame.Close();
            }
            if (!Add(token))
                continue;
            (value, elements, consumed) = (last, 0, 0);
            return true;
        }
        value = default;
        return false;
    }

    private RespValue last;

    /// <summary>Puts a value where it belongs; true when the whole reply is there.</summary>
    private bool Add(RespValue value)
    {
        if (++elements > limits.Elements)
            throw new RespException($"A reply has more than {limits.Elements} elements.");
        while (frames.TryPeek(out var frame))
        {
            if (frame.Kind == Kinds.Chunks)
                throw new RespException("A value stands between the parts of a streamed text.");
            frame.Values.Add(value);
            if (frame.Remaining < 0 || --frame.Remaining > 0)
                return false;
            frames.Pop();
            if (frame.Kind == Kinds.Attribute)
                return false;
            value = frame.Close();
        }
        last = value;
        return true;
    }

    private bool TryReadToken(ref ReadOnlySequence<byte> buffer, out RespValue value, out Frame? opened)
    {
        (value, opened) = (default, null);
        var reader = new SequenceReader<byte>(buffer);
        if (!TryReadLine(ref reader, out var line))
            return false;
        if (line.Length == 0)
            throw new RespException("An empty line stands where a value should begin.");
        var rest = line.AsSpan(1);
        if (frames.TryPeek(out var top) && top.Kind == Kinds.Chunks && line[0] != ';')
            throw new RespException("A streamed text is not followed by its parts.");
        switch ((char)line[0])
        {
            case '$' or '!' or '=' or ';':
                if (line is [(byte)'$', (byte)'?'])
                {
                    opened = new Frame(Kinds.Chunks, Streamed);
                    break;
                }
                if (!TryReadBulk(ref reader, (char)line[0], Length(rest, limits.Bulk, orNull: line[0] == '$'), out value, out var isDone))
                    return false;
                if (line[0] == ';' && !isDone)
                {
                    Take(ref buffer, reader);
                    return TryReadToken(ref buffer, out value, out opened);
                }
                break;
            case '*' or '%' or '~' or '>' or '|':
                opened = Open((char)line[0], rest, out value);
                break;
            case '.' when rest.IsEmpty:
                value = CloseStreamed();
                break;
            default:
                value = Scalar((char)line[0], rest);
                break;
        }
        Take(ref buffer, reader);
        return true;
    }

    private void Take(ref ReadOnlySequence<byte> buffer, in SequenceReader<byte> reader)
    {
        consumed += reader.Consumed;
        buffer = buffer.Slice(reader.Position);
    }

    private bool TryReadLine(ref SequenceReader<byte> reader, out byte[] line)
    {
        if (!reader.TryReadTo(out ReadOnlySequence<byte> found, (byte)'\n'))
        {
            if (reader.Remaining > limits.Line)
                throw new RespException($"A line is longer than {limits.Line} bytes.");
            line = [];
            return false;
        }
        if (found.Length > limits.Line)
            throw new RespException($"A line is longer than {limits.Line} bytes.");
        line = found.ToArray();
        if (line is not [.., (byte)'\r'])
            throw new RespException("A line does not end with CR LF.");
        line = line[..^1];
        return true;
    }

    /// <summary>Reads a counted text. Of a part of a streamed text, <paramref name="isDone"/> says whether it was the last and <paramref name="value"/> is then the whole.</summary>
    private bool TryReadBulk(ref SequenceReader<byte> reader, char type, long length, out RespValue value, out bool isDone)
    {
        (value, isDone) = (RespValue.Null, true);
        if (length < 0)
            return true;
        if (type == ';')
        {
            if (!frames.TryPeek(out var open) || open.Kind != Kinds.Chunks)
                throw new RespException("A part of a streamed text stands alone.");
            if (length == 0)
            {
                value = frames.Pop().Close();
                return true;
            }
            isDone = false;
        }
        if (reader.Remaining < length + 2)
            return false;
        var bytes = new byte[length];
        if (!reader.TryCopyTo(bytes))
            return false;
        reader.Advance(length);
        if (!reader.IsNext("\r\n"u8, advancePast: true))
            throw new RespException("A counted text does not end where its length says.");
        if (!isDone)
        {
            var chunks = frames.Peek();
            if ((chunks.Bytes += length) > limits.Bulk)
                throw new RespException($"A text is longer than {limits.Bulk} bytes.");
            chunks.Values.Add(RespValue.Of(RespKind.Bulk, bytes));
            return true;
        }
        value = type switch
        {
            '!' => RespValue.Of(RespKind.Error, bytes),
            // Three letters of the form and a colon come before the text.
            '=' => bytes is [_, _, _, (byte)':', ..] ? RespValue.Of(RespKind.Verbatim, bytes[4..]) : throw new RespException("A verbatim text has no form."),
            _ => RespValue.Of(RespKind.Bulk, bytes),
        };
        return true;
    }

    private Frame? Open(char type, ReadOnlySpan<byte> rest, out RespValue value)
    {
        value = RespValue.Null;
        var kind = type switch { '*' => Kinds.Array, '%' => Kinds.Map, '~' => Kinds.Set, '>' => Kinds.Push, _ => Kinds.Attribute };
        if (rest.SequenceEqual("?"u8) && type is '*' or '%' or '~')
            return rest.SequenceEqual("?"u8) ? new Frame(kind, Streamed) : Counted(kind, rest);
        if (type == '*' && rest.SequenceEqual("-1"u8))
            return null;
        return Counted(kind, rest);
    }

    private Frame Counted(Kinds kind, ReadOnlySpan<byte> rest)
    {
        var pairs = kind is Kinds.Map or Kinds.Attribute;
        var count = Length(rest, limits.Elements / (pairs ? 2 : 1), orNull: false);
        return new Frame(kind, pairs ? count * 2 : count);
    }

    private RespValue CloseStreamed()
    {
        if (!frames.TryPop(out var frame) || frame.Remaining != Streamed || frame.Kind == Kinds.Chunks)
            throw new RespException("An end of a stream stands where none is open.");
        if (frame.Kind == Kinds.Map && frame.Values.Count % 2 != 0)
            throw new RespException("A map ends after a key.");
        return frame.Close();
    }

    private static RespValue Scalar(char type, ReadOnlySpan<byte> rest) => type switch
    {
        '+' => RespValue.Of(RespKind.Simple, rest.ToArray()),
        '-' => RespValue.Of(RespKind.Error, rest.ToArray()),
        ':' => RespValue.Of(Number(rest)),
        '_' when rest.IsEmpty => RespValue.Null,
        '#' when rest.SequenceEqual("t"u8) => RespValue.Of(true),
        '#' when rest.SequenceEqual("f"u8) => RespValue.Of(false),
        ',' => RespValue.Of(Real(rest)),
        '(' when rest.Length > 0 && !rest.TrimStart((byte)'-').ContainsAnyExceptInRange((byte)'0', (byte)'9') => RespValue.Of(RespKind.BigNumber, rest.ToArray()),
        _ => throw new RespException($"A value begins with the byte {(int)type}, or has not the form of its kind."),
    };

    private static long Length(ReadOnlySpan<byte> text, long most, bool orNull)
    {
        if (orNull && text.SequenceEqual("-1"u8))
            return -1;
        // Digits alone: no sign, no space.
        if (text.IsEmpty || text.Length > 18 || text.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            throw new RespException("A length is no number.");
        var length = Number(text);
        return length <= most ? length : throw new RespException($"A length is {length}; {most} are allowed.");
    }

    private static long Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text is [(byte)'+', ..] ? text[1..] : text, out long number, out var read) && read == text.Length - (text is [(byte)'+', ..] ? 1 : 0) ? number : throw new RespException("A number is none.");

    private static double Real(ReadOnlySpan<byte> text) => Encoding.ASCII.GetString(text) switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        "nan" or "-nan" => double.NaN,
        var digits => double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) ? real : throw new RespException("A number is none."),
    };

    /// <summary>Kinds of what is open.</summary>
    private enum Kinds
    {
        Array,
        Map,
        Set,
        Push,
        Attribute,
        Chunks,
    }

    /// <summary>An aggregate that is not whole yet.</summary>
    private sealed class Frame(Kinds kind, long remaining)
    {
        public Kinds Kind => kind;

        public long Remaining { get; set; } = remaining;

        public long Bytes { get; set; }

        public List<RespValue> Values { get; } = [];

        public RespValue Close() => kind switch
        {
            Kinds.Chunks => RespValue.Of(RespKind.Bulk, [.. Values.SelectMany(v => v.Bytes)]),
            Kinds.Map => RespValue.Of(RespKind.Map, [.. Values]),
            Kinds.Set => RespValue.Of(RespKind.Set, [.. Values]),
            Kinds.Push => RespValue.Of(RespKind.Push, [.. Values]),
            _ => RespValue.Of(RespKind.Array, [.. Values]),
        };
    }
}
