using System.Text.Json;
using Nexus.Data.Records;

namespace Nexus.Engines.PostgreSql.Commits;

/// <summary>The words of a record's search fields, found here and not by the server, whose reading of text depends on its locale and dictionaries.</summary>
internal static class SearchWords
{
    // A lexeme has at most 2,046 bytes.
    private const int MaxLength = 500;

    public static string[] Of(IReadOnlyList<string> fields, ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. fields.SelectMany(f => JsonScalar.At(document.RootElement, f).Value is string text ? SearchText.Words(text) : []).Select(w => w.Length > MaxLength ? w[..MaxLength] : w).Distinct(StringComparer.Ordinal)];
    }
}
