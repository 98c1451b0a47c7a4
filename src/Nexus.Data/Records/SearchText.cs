using System.Globalization;
using System.Text;

namespace Nexus.Data.Records;

/// <summary>How full-text search reads text: words of letters and digits, without case and accents, each of which must begin a word of the record. The SQLite tokenizer <c>unicode61 remove_diacritics 2</c> reads alike.</summary>
internal static class SearchText
{
    public const int MaxWords = 32;

    public static List<string> Words(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in text.Normalize(NormalizationForm.FormD).EnumerateRunes())
        {
            var category = Rune.GetUnicodeCategory(rune);
            if (category is UnicodeCategory.NonSpacingMark)
                continue;
            if (Rune.IsLetterOrDigit(rune) || category is UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber or UnicodeCategory.PrivateUse)
            {
                word.Append(Rune.ToLowerInvariant(rune).ToString());
            }
            else if (word.Length > 0)
            {
                words.Add(word.ToString());
                word.Clear();
            }
        }

        if (word.Length > 0)
            words.Add(word.ToString());
        return words;
    }

    /// <summary>The words of a query, bounded.</summary>
    public static List<string> QueryWords(string query)
    {
        var words = Words(query.Length > 1000 ? query[..1000] : query);
        return words.Count > MaxWords ? words[..MaxWords] : words;
    }
}
