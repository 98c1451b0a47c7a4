using System.Text.Json;

namespace Nexus.Gateway.Pipeline;

/// <summary>Walks a JSON text once and refuses what exceeds the limits, with the place.</summary>
internal static class JsonLimits
{
    /// <summary>Returns when the text is one JSON value within the limits.</summary>
    /// <exception cref="NexusException"><c>JSON_TOO_DEEP</c>, <c>ARRAY_TOO_LONG</c>, <c>STRING_TOO_LONG</c> or <c>BAD_REQUEST</c>.</exception>
    /// <param name="json">The text.</param>
    /// <param name="limits">The limits.</param>
    /// <param name="outerLength">Greatest length of an outermost array; that of any other array when null.</param>
    public static void Check(ReadOnlySpan<byte> json, LimitOptions limits, int? outerLength = null)
    {
        // The reader's own limit comes one level later, so that the refusal below names ours; 1000 guards the counters.
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Math.Min(limits.JsonDepth + 1, 1000) });
        Span<int> elements = stackalloc int[Math.Min(limits.JsonDepth + 2, 1002)];
        Span<bool> inArray = stackalloc bool[elements.Length];
        var names = new JsonNames(json, stackalloc JsonNames.Name[JsonNames.Capacity]);
        try
        {
            while (reader.Read())
            {
                Visit(ref reader, elements, inArray, limits, outerLength ?? limits.ArrayLength);
                if (reader.TokenType == JsonTokenType.EndObject)
                    names.End(reader.CurrentDepth);
                else if (reader.TokenType == JsonTokenType.PropertyName)
                    names.Add(new((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length, reader.CurrentDepth), reader.ValueIsEscaped);
            }
            names.Finish();
        }
        catch (JsonException exception)
        {
            throw new NexusException(ErrorCodes.BadRequest, $"The body is not well-formed JSON: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}.");
        }
        catch (InvalidOperationException)
        {
            throw new NexusException(ErrorCodes.BadRequest, "The body is not well-formed JSON: a string is not valid UTF-8 or has a lone surrogate.");
        }
    }

    private static void Visit(ref Utf8JsonReader reader, scoped Span<int> elements, scoped Span<bool> inArray, LimitOptions limits, int outerLength)
    {
        var depth = reader.CurrentDepth;
        switch (reader.TokenType)
        {
            case JsonTokenType.EndArray or JsonTokenType.EndObject:
                return;
            case JsonTokenType.PropertyName or JsonTokenType.String:
                CheckText(ref reader, limits);
                break;
        }
        var length = depth == 1 ? outerLength : limits.ArrayLength;
        if (reader.TokenType != JsonTokenType.PropertyName && depth > 0 && inArray[depth] && ++elements[depth] > length)
            throw new NexusException(ErrorCodes.ArrayTooLong, $"An array has more than {length} elements (byte {reader.TokenStartIndex}).");
        if (reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
            return;
        if (depth + 1 > limits.JsonDepth)
            throw new NexusException(ErrorCodes.JsonTooDeep, $"The JSON is nested more than {limits.JsonDepth} levels deep (byte {reader.TokenStartIndex}).");
        elements[depth + 1] = 0;
        inArray[depth + 1] = reader.TokenType == JsonTokenType.StartArray;
    }

    private static void CheckText(ref Utf8JsonReader reader, LimitOptions limits)
    {
        // The reader does not look into strings; text that is not UTF-8 must not get further than here.
        if (reader.ValueIsEscaped || !System.Text.Unicode.Utf8.IsValid(reader.ValueSpan))
            _ = reader.GetString();
        if (reader.ValueSpan.Length <= limits.StringLength)
            return;
        var length = reader.ValueIsEscaped ? reader.GetString()!.Length : System.Text.Encoding.UTF8.GetCharCount(reader.ValueSpan);
        if (length > limits.StringLength)
            throw new NexusException(ErrorCodes.StringTooLong, $"A string has {length} characters; {limits.StringLength} are allowed (byte {reader.TokenStartIndex}).");
    }
}
