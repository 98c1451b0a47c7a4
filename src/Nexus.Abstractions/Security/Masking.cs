using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Nexus;

/// <summary>Takes out of texts for logs, problem details, exports and the audit trail what must not stand there: card numbers, e-mail addresses, bearer tokens, API keys, passwords. A text without any costs one vectorised look and comes back as it is.</summary>
public static partial class Masking
{
    /// <summary>What stands in place of a masked value.</summary>
    public const string Masked = "***";

    private const int MinCard = 13;
    private const int MaxCard = 19;

    private static readonly SearchValues<string> Marks = SearchValues.Create(["@", "nx_", "eyJ", "bearer ", "basic ", "passw", "pwd", "secret", "token", "api_key", "apikey", "api-key", "authorization"], StringComparison.OrdinalIgnoreCase);

    /// <summary>The text with what must not stand there masked; the same instance when there is nothing.</summary>
    public static string Mask(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        // The limit of a pattern is wall-clock time: a machine that stalls meets it with any text, once. Who logs or answers gets a masked text whatever happens, and never an exception.
        for (var tries = 0; tries < 2; tries++)
        {
            try
            {
                return MaskParts(text);
            }
            catch (RegexMatchTimeoutException)
            {
                // Tried once more; what meets the limit again is masked as a whole.
            }
        }

        return Masked;
    }

    private static string MaskParts(string text)
    {
        if (text.AsSpan().ContainsAny(Marks))
        {
            text = Named().Replace(text, static m => m.Groups["quote"].Length > 0 ? $"{m.Groups["name"].Value}{m.Groups["quote"].Value}{Masked}{m.Groups["quote"].Value}" : m.Groups["name"].Value + Masked);
            text = Scheme().Replace(text, "$1 " + Masked);
            text = Address().Replace(text, "://***:***@");
            text = ApiKey().Replace(text, "nx_" + Masked);
            text = Token().Replace(text, Masked);
            text = Mail().Replace(text, "***@***");
        }

        return HasLongRun(text) && HasCard(text) ? Card().Replace(text, static m => IsCard(m.ValueSpan) ? Shortened(m.ValueSpan) : m.Value) : text;
    }

    /// <summary>The same for a JSON text, which stays JSON: strings are masked within, a number that is a card number and the value of a member that is named like a secret become a masked string.</summary>
    public static ReadOnlyMemory<byte> MaskJson(ReadOnlyMemory<byte> json)
    {
        var text = Encoding.UTF8.GetString(json.Span);
        if (!text.AsSpan().ContainsAny(Marks) && !HasLongRun(text))
            return json;
        var buffer = new ArrayBufferWriter<byte>(json.Length + 64);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            using var document = JsonDocument.Parse(json);
            Write(writer, document.RootElement);
        }

        return buffer.WrittenMemory;
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in element.EnumerateObject())
                {
                    writer.WritePropertyName(member.Name);
                    // An object below such a name holds old and new value, or more names.
                    if (member.Value.ValueKind is JsonValueKind.String or JsonValueKind.Number && IsSecretName(member.Name))
                        writer.WriteStringValue(Masked);
                    else if (member.Value.ValueKind is JsonValueKind.Object && IsSecretName(member.Name))
                        WriteMaskedMembers(writer, member.Value);
                    else
                        Write(writer, member.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(Mask(element.GetString()!));
                break;
            case JsonValueKind.Number when Mask(element.GetRawText()) is var text && text != element.GetRawText():
                writer.WriteStringValue(text);
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }

    private static bool IsSecretName(string name)
    {
        for (var tries = 0; tries < 2; tries++)
        {
            try
            {
                return SecretName().IsMatch(name);
            }
            catch (RegexMatchTimeoutException)
            {
                // As in a text: tried once more, then taken for a secret.
            }
        }

        return true;
    }

    private static void WriteMaskedMembers(Utf8JsonWriter writer, JsonElement element)
    {
        writer.WriteStartObject();
        foreach (var member in element.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.Null)
                writer.WriteNull(member.Name);
            else
                writer.WriteString(member.Name, Masked);
        }

        writer.WriteEndObject();
    }

    /// <summary>Whether as many digits as a card has follow each other, spaces and dashes apart.</summary>
    private static bool HasLongRun(ReadOnlySpan<char> text)
    {
        for (var start = text.IndexOfAnyInRange('0', '9'); start >= 0;)
        {
            text = text[start..];
            var (digits, i) = (0, 0);
            while (i < text.Length && (char.IsAsciiDigit(text[i]) || text[i] is ' ' or '-'))
                digits += char.IsAsciiDigit(text[i++]) ? 1 : 0;
            if (digits >= MinCard)
                return true;
            text = text[i..];
            start = text.IndexOfAnyInRange('0', '9');
        }

        return false;
    }

    private static bool HasCard(string text)
    {
        foreach (var match in Card().EnumerateMatches(text))
        {
            if (IsCard(text.AsSpan(match.Index, match.Length)))
                return true;
        }

        return false;
    }

    /// <summary>Length, first digit of a payment network and check digit (ISO/IEC 7812, Luhn).</summary>
    private static bool IsCard(ReadOnlySpan<char> text)
    {
        var (sum, count) = (0, 0);
        for (var i = text.Length - 1; i >= 0; i--)
        {
            if (!char.IsAsciiDigit(text[i]))
                continue;
            var digit = text[i] - '0';
            sum += count++ % 2 == 0 ? digit : digit > 4 ? (2 * digit) - 9 : 2 * digit;
        }

        return count is >= MinCard and <= MaxCard && sum % 10 == 0 && text[0] is >= '2' and <= '6';
    }

    private static string Shortened(ReadOnlySpan<char> card) => $"{Masked}{card[^4..]}";

    [GeneratedRegex("""(?<name>\b(?:[a-z_-]*passw(?:or)?d|passwd|pwd|[a-z_-]*secret|[a-z_-]*token|api[_-]?key|x-api-key|authorization)\\?"?\s*[:=]\s*)(?:(?<quote>")(?:[^"\\]|\\.)*"|(?<quote>\\")(?:[^"\\]|\\[^"])*\\"|(?!(?:bearer|basic)\s)[^\s,;&"'}{\]\[]+)""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Named();

    [GeneratedRegex(@"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Scheme();

    [GeneratedRegex(@"://[^/\s:@]{1,200}:[^/\s@]{1,200}@", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Address();

    [GeneratedRegex(@"\bnx_[A-Za-z0-9_-]{6,}", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex ApiKey();

    [GeneratedRegex(@"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Token();

    [GeneratedRegex(@"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Mail();

    [GeneratedRegex(@"(?<![\w.-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5})(?![\w-]|\.\d)", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Card();

    [GeneratedRegex("^(?:.*[._-])?(?:passw(?:or)?d|passwd|pwd|secret|client_?secret|token|access_?token|refresh_?token|api[_-]?key|authorization)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex SecretName();
}
