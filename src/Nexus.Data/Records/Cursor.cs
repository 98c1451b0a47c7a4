using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Nexus.Data.Records;

/// <summary>The place after which a page goes on: the sort values and the key of its last record. Sealed with a key of the storage, so that an altered one, or one of another query, is refused rather than obeyed.</summary>
/// <param name="Values">One value a sort key.</param>
/// <param name="Id">Key of the last record.</param>
internal sealed record Cursor(ImmutableArray<JsonScalar> Values, string Id)
{
    private const int SealLength = 12;

    public string Write(byte[] secret, RecordQuery query)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartArray();
            writer.WriteStringValue(Id);
            foreach (var value in Values)
                WriteScalar(writer, value);
            writer.WriteEndArray();
        }

        var body = stream.ToArray();
        return Base64Url.EncodeToString([.. Seal(secret, query, body), .. body]);
    }

    public static Cursor Read(byte[] secret, RecordQuery query, string text)
    {
        try
        {
            var bytes = Base64Url.DecodeFromChars(text);
            if (bytes.Length > SealLength && CryptographicOperations.FixedTimeEquals(bytes.AsSpan(0, SealLength), Seal(secret, query, bytes.AsSpan(SealLength))))
            {
                using var document = JsonDocument.Parse(bytes.AsMemory(SealLength));
                var elements = document.RootElement.EnumerateArray().ToArray();
                return new Cursor([.. elements.Skip(1).Select(JsonScalar.From)], elements[0].GetString()!);
            }
        }
        catch (FormatException)
        {
            // Falls through to the same answer as a broken seal: which check failed is no business of the sender.
        }

        throw new NexusException(ErrorCodes.CursorInvalid, "The cursor was altered, or belongs to another list, sort or filter. Start the list again without a cursor.");
    }

    private static byte[] Seal(byte[] secret, RecordQuery query, ReadOnlySpan<byte> body)
    {
        var scope = new StringBuilder().Append(query.Tenant).Append('\n').Append(query.Table).Append('\n').Append(query.KeyPrefix).Append('\n').Append(query.Search).Append('\n');
        foreach (var key in query.Sort)
            scope.Append(key.Descending ? '-' : '+').Append(key.Decimal ? "#" : "").Append(key.Field).Append('\n');
        if (query.Filter is { } filter)
            scope.Append(FilterJson.Write(filter));
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hash.AppendData(Encoding.UTF8.GetBytes(scope.ToString()));
        hash.AppendData([0]);
        hash.AppendData(body);
        return hash.GetHashAndReset()[..SealLength];
    }

    private static void WriteScalar(Utf8JsonWriter writer, JsonScalar value)
    {
        switch (value.Value)
        {
            case string text: writer.WriteStringValue(text); break;
            case long number: writer.WriteNumberValue(number); break;
            case double number: writer.WriteNumberValue(number); break;
            case bool flag: writer.WriteNumberValue(flag ? 1 : 0); break;
            default: writer.WriteNullValue(); break;
        }
    }
}
