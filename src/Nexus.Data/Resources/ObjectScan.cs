using System.Text.Json;
using System.Text.Unicode;

namespace Nexus.Data.Resources;

/// <summary>Where a value stands in its source; empty when it is absent.</summary>
internal readonly record struct Slice(int Start, int End)
{
    public bool IsEmpty => End == 0;
}

/// <summary>Finds the members of an object without reading their values, so that they can be written in declared order.</summary>
internal static class ObjectScan
{
    private const int MaxDepth = 64;

    /// <summary>The platform's own members, in wire order.</summary>
    public static readonly byte[][] Platform = ["id"u8.ToArray(), "revision"u8.ToArray(), "owner"u8.ToArray(), "team"u8.ToArray(), "createdAt"u8.ToArray(), "updatedAt"u8.ToArray()];

    public static readonly JsonReaderOptions Options = new() { MaxDepth = MaxDepth };

    /// <summary>Reads the object on which the reader stands to its end. Slices of declared fields come first, then, if <paramref name="platform"/>, those of the platform's members.</summary>
    public static void Read(FieldTable table, ReadOnlySpan<byte> source, ref Utf8JsonReader reader, scoped Span<Slice> slices, bool platform, FieldErrors errors)
    {
        int expected = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            int index = reader.ValueIsEscaped ? IndexOfEscaped(table, ref reader, expected) : IndexOf(table, reader.ValueSpan, expected, platform);
            string? name = index < 0 || !slices[index].IsEmpty ? WireFormats.TextOf(ref reader) ?? "" : null;
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (index < 0)
            {
                errors.Add(name!, "unknown_field", $"is not a field; the fields are {string.Join(", ", table.All.Select(f => f.Declared.Name))}.{Spelling.Suggest(name!, table.All.Select(f => f.Declared.Name))}");
            }
            else if (name is not null)
            {
                errors.Add(name, "duplicate_field", "is given twice.");
            }
            else
            {
                slices[index] = new(start, (int)reader.BytesConsumed);
                expected = index + 1;
            }
        }
    }

    /// <summary>Reads a whole body: one JSON object, well-formed UTF-8.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c> or <c>JSON_TOO_DEEP</c>.</exception>
    public static void ReadBody(FieldTable table, ReadOnlySpan<byte> body, scoped Span<Slice> slices, bool platform, FieldErrors errors)
    {
        if (!Utf8.IsValid(body))
        {
            throw new NexusException(ErrorCodes.BadRequest, "The body is not UTF-8.");
        }

        var reader = new Utf8JsonReader(body, Options);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new NexusException(ErrorCodes.BadRequest, "The body must be one JSON object.");
            }

            Read(table, body, ref reader, slices, platform, errors);
            // Anything after the object throws here.
            reader.Read();
        }
        catch (JsonException e)
        {
            throw Unreadable(e, body);
        }
    }

    /// <summary>The error of a body that the reader refused.</summary>
    public static NexusException Unreadable(JsonException e, ReadOnlySpan<byte> body) => IsTooDeep(body)
        ? new(ErrorCodes.JsonTooDeep, $"The body is nested more than {MaxDepth} deep.", e)
        : new(ErrorCodes.BadRequest, $"The body is not well-formed JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.", e);

    // The reader does not say which of its rules was broken, so a refused body is read again, up to the limit.
    private static bool IsTooDeep(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth * 2 });
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth >= MaxDepth)
                {
                    return true;
                }
            }
        }
        catch (JsonException)
        {
            // Broken before it was too deep.
        }

        return false;
    }

    private static int IndexOf(FieldTable table, ReadOnlySpan<byte> name, int expected, bool platform)
    {
        int index = table.IndexOf(name, expected);
        if (index >= 0 || !platform)
        {
            return index;
        }

        for (int i = 0; i < Platform.Length; i++)
        {
            if (name.SequenceEqual(Platform[i]))
            {
                return table.All.Length + i;
            }
        }

        return -1;
    }

    private static int IndexOfEscaped(FieldTable table, ref Utf8JsonReader reader, int expected) =>
        WireFormats.TextOf(ref reader) is { } name ? table.IndexOf(System.Text.Encoding.UTF8.GetBytes(name), expected) : -1;
}
