using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Caching;

/// <summary>An answer as it is cached: the length of its head, the head as JSON, the body.</summary>
/// <param name="Headers">Headers that the handler set.</param>
/// <param name="StoredAt">When, in milliseconds since 1970.</param>
/// <param name="Body">The body.</param>
internal sealed record StoredAnswer(Dictionary<string, string> Headers, long StoredAt, ReadOnlyMemory<byte> Body)
{
    private static readonly string[] NotKept = ["Content-Length", "Date", "Server", "Transfer-Encoding", "Connection", "Keep-Alive", "X-Request-ID", "X-Process-Time", "Cache-Control", "Vary", "Age", "X-Cache", "Cache-Tag"];

    /// <summary>Takes the headers that are other than before, and the body. Its ETag is the handler's, or one over the body; weak, because compression comes after.</summary>
    public static StoredAnswer Of(IHeaderDictionary before, IHeaderDictionary after, byte[] body, DateTimeOffset now)
    {
        var headers = after
            .Where(h => !NotKept.Contains(h.Key, StringComparer.OrdinalIgnoreCase) && (!before.TryGetValue(h.Key, out var was) || was != h.Value))
            .ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        if (!headers.ContainsKey("ETag"))
            headers["ETag"] = $"W/\"{Convert.ToHexStringLower(SHA256.HashData(body).AsSpan(0, 12))}\"";
        return new StoredAnswer(headers, now.ToUnixTimeMilliseconds(), body);
    }

    public byte[] Write()
    {
        var head = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string>(Headers) { [""] = StoredAt.ToString(System.Globalization.CultureInfo.InvariantCulture) });
        var bytes = new byte[4 + head.Length + Body.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, head.Length);
        head.CopyTo(bytes, 4);
        Body.Span.CopyTo(bytes.AsSpan(4 + head.Length));
        return bytes;
    }

    /// <summary>Reads an answer; null when it has not the form, such as one of another version of the platform.</summary>
    public static StoredAnswer? Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < 4 || BinaryPrimitives.ReadInt32BigEndian(bytes.Span) is var length && (length < 2 || length > bytes.Length - 4))
            return null;
        try
        {
            var headers = JsonSerializer.Deserialize<Dictionary<string, string>>(bytes.Slice(4, length).Span)!;
            return headers.Remove("", out var at) && long.TryParse(at, out var storedAt) ? new StoredAnswer(headers, storedAt, bytes[(4 + length)..]) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
