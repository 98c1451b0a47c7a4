using System.Text;
using System.Text.Json;
using Nexus.Data.Search;

namespace Nexus.Engines.PostgreSql.Commits;

/// <summary>The words of a record's search fields and their stems, found here and not by the server, whose reading of text depends on its locale and dictionaries.</summary>
internal static class SearchWords
{
    /// <summary>Begins a stem, so that it is no word.</summary>
    public const char Stem = '=';

    // Limits of a tsvector: 1 MiB in all, positions to 16,383, of which a word keeps 256. What is beyond them is not found.
    private const int MostBytes = 700_000;
    private const int LastPosition = 16_383;
    private const int MostPlaces = 255;

    // Words of two fields do not stand together.
    private const int Gap = 2;

    /// <summary>A tsvector as text; null when nothing of the table is searched.</summary>
    public static string? Of(SearchFields search, ReadOnlyMemory<byte> json)
    {
        if (search.IsEmpty)
            return null;
        using var document = JsonDocument.Parse(json);
        var places = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var (position, bytes) = (0, 0);
        for (var i = 0; i < search.Fields.Length; i++)
        {
            if (JsonScalar.At(document.RootElement, search.Fields[i]).Value is not string text)
                continue;
            foreach (var word in SearchText.Words(text))
            {
                var place = $"{Math.Min(++position, LastPosition)}{"ABCD"[Math.Min(i, 3)]}";
                Add(word, place);
                if (Stems.Of(word, search.Language) is { } stem)
                    Add(Stem + stem, place);
            }

            position += Gap;
        }

        var vector = new StringBuilder();
        foreach (var (word, at) in places)
            vector.Append('\'').Append(word).Append("':").AppendJoin(',', at).Append(' ');
        return vector.ToString();

        void Add(string word, string place)
        {
            if (!places.TryGetValue(word, out var known))
            {
                // A word is kept with its length, its place and padding.
                if ((bytes += Encoding.UTF8.GetByteCount(word) + 8) > MostBytes)
                    return;
                places[word] = known = [];
            }

            if (known.Count < MostPlaces && (bytes += 2) <= MostBytes)
                known.Add(place);
        }
    }
}
