using System.Text;

namespace Nexus.Data.Search;

/// <summary>Stems of words, so that a search for <c>running</c> finds <c>runs</c>: the same on every engine, whatever dictionaries a server has.</summary>
internal static class Stems
{
    private const int LongestStemmed = 40;

    /// <summary>The stem of a word of <see cref="SearchText.Words"/>; null when the language has none.</summary>
    public static string? Of(string word, string? language) => language switch
    {
        // No word of a language is so long, and what is would cost the more the longer it is.
        not null when word.Length > LongestStemmed => word,
        SearchLanguages.English => EnglishStem.Of(word),
        SearchLanguages.German => GermanStem.Of(word),
        _ => null,
    };

    /// <summary>The stems of a text, in order, parted by blanks.</summary>
    public static string Text(string text, string language)
    {
        var stems = new StringBuilder(text.Length);
        foreach (var word in SearchText.Words(text))
            stems.Append(Of(word, language)).Append(' ');
        return stems.ToString();
    }
}
