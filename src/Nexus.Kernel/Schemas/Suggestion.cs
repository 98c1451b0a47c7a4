namespace Nexus.Kernel.Schemas;

/// <summary>Finds the word that an author probably meant.</summary>
internal static class Suggestion
{
    /// <summary>The known word nearest to <paramref name="written"/>, or null when none is near. Case, dashes and underscores do not count, so <c>display_name</c> finds <c>displayName</c>.</summary>
    public static string? Find(string written, IEnumerable<string> known)
    {
        if (written.Length > 64)
            return null;
        var folded = Fold(written);
        var best = known
            .Select(word => (Word: word, Distance: Distance(folded, Fold(word))))
            .Where(x => x.Distance <= Math.Max(1, Math.Min(folded.Length, x.Word.Length) / 3))
            .OrderBy(x => x.Distance)
            .ThenBy(x => x.Word, StringComparer.Ordinal)
            .FirstOrDefault();
        return best.Word;
    }

    /// <summary>A sentence part such as <c>; did you mean 'version'?</c>, or empty.</summary>
    public static string Phrase(string written, IEnumerable<string> known) =>
        Find(written, known) is { } word ? $"; did you mean '{word}'?" : "";

    private static string Fold(string text) => string.Concat(text.Where(char.IsLetterOrDigit)).ToLowerInvariant();

    /// <summary>Edits between two words: insert, delete, replace, or swap of neighbours (optimal string alignment).</summary>
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                rows[i, j] = Math.Min(Math.Min(rows[i - 1, j] + 1, rows[i, j - 1] + 1), rows[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }

        return rows[a.Length, b.Length];
    }
}
