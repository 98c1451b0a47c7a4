using System.Globalization;
using System.Text;

namespace Nexus.Data.Search;

/// <summary>How full-text search reads text: words of letters and digits, without case and accents. The SQLite tokenizer <c>unicode61 remove_diacritics 2</c> reads alike.</summary>
internal static class SearchText
{
    /// <summary>What of a word is looked at: a word of PostgreSQL's index has at most 2,046 bytes.</summary>
    public const int LongestWord = 500;

    public static List<string> Words(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        foreach (var rune in WellFormed(text).Normalize(NormalizationForm.FormD).EnumerateRunes())
        {
            var category = Rune.GetUnicodeCategory(rune);
            if (category is UnicodeCategory.NonSpacingMark)
                continue;
            if (Rune.IsLetterOrDigit(rune) || category is UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber or UnicodeCategory.PrivateUse)
                word.Append(Rune.ToLowerInvariant(rune).ToString());
            else
                End();
        }

        End();
        return words;

        void End()
        {
            if (word.Length > 0)
                words.Add(word.ToString(0, Math.Min(word.Length, LongestWord)));
            word.Clear();
        }
    }

    // Half a character cannot be normalised; it parts words.
    private static string WellFormed(string text) => text.Any(char.IsSurrogate) ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;
}
