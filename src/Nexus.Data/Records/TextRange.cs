using System.Text;

namespace Nexus.Data.Records;

/// <summary>Ranges of text by code point.</summary>
internal static class TextRange
{
    /// <summary>The least text above all texts that begin with <paramref name="prefix"/>, by code point; null when there is none.</summary>
    public static string? AfterPrefix(string prefix)
    {
        var runes = prefix.EnumerateRunes().ToList();
        while (runes.Count > 0)
        {
            var last = runes[^1].Value;
            runes.RemoveAt(runes.Count - 1);
            if (last == 0x10FFFF)
                continue;
            var text = new StringBuilder();
            foreach (var rune in runes)
                text.Append(rune.ToString());
            return text.Append(new Rune(last == 0xD7FF ? 0xE000 : last + 1).ToString()).ToString();
        }

        return null;
    }
}
