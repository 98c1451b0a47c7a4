namespace Nexus.Data.Search;

/// <summary>CISTEM (Weissweiler and Fraser, 2017), without regard to case; its umlauts have lost their dots already.</summary>
internal static class GermanStem
{
    public static string Of(string word)
    {
        var stem = word.Replace("ß", "ss", StringComparison.Ordinal);
        if (stem.StartsWith("ge", StringComparison.Ordinal) && stem.Length >= 6)
            stem = stem[2..];
        // Sounds of several letters count as one; a doubled letter keeps its length as a mark.
        stem = stem.Replace("sch", "$", StringComparison.Ordinal).Replace("ei", "%", StringComparison.Ordinal).Replace("ie", "&", StringComparison.Ordinal);
        var letters = stem.ToCharArray();
        for (var i = 1; i < letters.Length; i++)
        {
            if (letters[i] == letters[i - 1] && letters[i - 1] != '*')
                letters[i] = '*';
        }

        stem = new string(letters);
        while (stem.Length > 3)
        {
            if (stem.Length > 5 && (Ends(stem, "em") || Ends(stem, "er") || Ends(stem, "nd")))
                stem = stem[..^2];
            else if (Ends(stem, "t") || Ends(stem, "e") || Ends(stem, "s") || Ends(stem, "n"))
                stem = stem[..^1];
            else
                break;
        }

        letters = stem.ToCharArray();
        for (var i = 1; i < letters.Length; i++)
        {
            if (letters[i] == '*')
                letters[i] = letters[i - 1];
        }

        return new string(letters).Replace("%", "ei", StringComparison.Ordinal).Replace("&", "ie", StringComparison.Ordinal).Replace("$", "sch", StringComparison.Ordinal);
    }

    private static bool Ends(string stem, string end) => stem.EndsWith(end, StringComparison.Ordinal);
}
