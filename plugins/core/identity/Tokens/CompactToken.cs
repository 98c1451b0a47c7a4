using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Nexus.Core.Identity.Tokens;

/// <summary>A signed token in compact form (RFC 7515 section 7.1), taken apart strictly: one spelling for one token, no duplicate members, nothing left over. Says nothing yet about who signed it.</summary>
internal sealed class CompactToken
{
    /// <summary>Longest token that is looked at, in characters.</summary>
    public const int MaxLength = 8192;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8, CommentHandling = JsonCommentHandling.Disallow };

    private CompactToken(JsonElement header, JsonElement payload, byte[] signed, byte[] signature) =>
        (Header, Payload, Signed, Signature) = (header, payload, signed, signature);

    /// <summary>The header, an object.</summary>
    public JsonElement Header { get; }

    /// <summary>The claims, an object.</summary>
    public JsonElement Payload { get; }

    /// <summary>The bytes that the signature covers.</summary>
    public byte[] Signed { get; }

    /// <summary>The signature.</summary>
    public byte[] Signature { get; }

    /// <summary>The algorithm the header names; empty when it names none.</summary>
    public string Algorithm => Text(Header, "alg") ?? "";

    /// <summary>The key the header names, or null.</summary>
    public string? KeyId => Text(Header, "kid");

    /// <summary>The type the header names, or null.</summary>
    public string? Type => Text(Header, "typ");

    /// <summary>Takes a token apart; null when it is not one.</summary>
    public static CompactToken? Parse(ReadOnlySpan<char> token)
    {
        if (token.Length is 0 or > MaxLength)
            return null;
        var first = token.IndexOf('.');
        var last = token.LastIndexOf('.');
        if (first <= 0 || last <= first || token[(first + 1)..last].Contains('.'))
            return null;
        if (Decode(token[..first]) is not { } header || Decode(token[(first + 1)..last]) is not { } payload || Decode(token[(last + 1)..]) is not { Length: > 0 } signature)
            return null;
        if (Object(header) is not { } head || Object(payload) is not { } body)
            return null;
        // RFC 7515 section 4.1.11: who does not understand every extension in "crit" must refuse; we understand none.
        return head.TryGetProperty("crit", out _) ? null : new CompactToken(head, body, Encoding.ASCII.GetBytes(token[..last].ToArray()), signature);
    }

    /// <summary>A string claim; null when it is absent or of another kind.</summary>
    public string? Text(string claim) => Text(Payload, claim);

    /// <summary>A time claim (NumericDate, whole seconds); null when it is absent or not a time of this or the next centuries.</summary>
    public DateTimeOffset? Time(string claim)
    {
        if (!Payload.TryGetProperty(claim, out var value) || value.ValueKind != JsonValueKind.Number)
            return null;
        if (!value.TryGetInt64(out var seconds))
        {
            // RFC 7519 allows fractions; issuers that send them mean the same second.
            if (!value.TryGetDecimal(out var fraction) || fraction is < 0 or > 253_402_300_799m)
                return null;
            seconds = (long)fraction;
        }

        return seconds is < 0 or > 253_402_300_799 ? null : DateTimeOffset.FromUnixTimeSeconds(seconds);
    }

    /// <summary>Whether <c>aud</c> is a value, or a list that contains it.</summary>
    public bool IsFor(string audience) => Payload.TryGetProperty("aud", out var value) && value.ValueKind switch
    {
        JsonValueKind.String => value.ValueEquals(audience),
        JsonValueKind.Array => value.EnumerateArray().Any(one => one.ValueKind == JsonValueKind.String && one.ValueEquals(audience)),
        _ => false,
    };

    private static string? Text(JsonElement from, string name) =>
        from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Unpadded base64url in its one canonical spelling: the framework's decoder also takes padding, white space and stray bits in the last character, each of which makes a second token out of one.</summary>
    private static byte[]? Decode(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return null;
        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, bytes, out var read, out var written) != System.Buffers.OperationStatus.Done || read != text.Length)
            return null;
        Array.Resize(ref bytes, written);
        return text.SequenceEqual(Base64Url.EncodeToString(bytes)) ? bytes : null;
    }

    private static JsonElement? Object(byte[] json)
    {
        if (!Utf8.IsValid(json))
            return null;
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
