using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>Which of the encodings that banks use a text without mark and without UTF-8 has: its header's words and the shape of its words tell; where they tell nothing, all that fit are offered.</summary>
internal static class EncodingEvidence
{
    private const int SampleBytes = 256 * 1024;
    private const int Words = 400;

    // Windows pages before their ISO twins: of two that read alike the first is taken.
    private static readonly string[] Candidates = ["windows-1250", "iso-8859-2", "windows-1251", "koi8-r", "iso-8859-5", "windows-1253", "iso-8859-7", "windows-1254", "windows-1257", "ibm850", "ibm852", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr"];

    /// <summary>The encoding that the evidence singles out and why; null where the Western one that is assumed without evidence reads well.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="western">Web name of the encoding that is assumed without evidence.</param>
    /// <param name="doubt">Encodings in which the file reads well, when there are several and the Western one is not among them; else empty.</param>
    public static (string Name, string Reason)? Find(ReadOnlySpan<byte> bytes, string western, out ImmutableArray<ReadingOption> doubt)
    {
        doubt = [];
        var sample = bytes[..Math.Min(bytes.Length, SampleBytes)];
        var assumed = Reading.Of(sample, western) ?? new Reading(0, "", 0, "", "");
        if (assumed is { Soundness: 1, HeaderWords: > 2 }) return null;
        var others = Readings(sample);
        var words = others.Where(o => o.Reading.HeaderWords > assumed.HeaderWords && o.Reading.Soundness >= 0.6m).OrderByDescending(o => o.Reading.HeaderWords).ThenByDescending(o => o.Reading.Soundness).ToList();
        if (words.Count > 0) return (words[0].Name, $"the words of its header are known only so: {words[0].Reading.HeaderSample}");
        if (assumed.Soundness >= 0.85m) return null;
        var sound = others.Where(o => o.Reading.Soundness >= 0.9m && o.Reading.Soundness > assumed.Soundness + 0.2m).OrderByDescending(o => o.Reading.Soundness).ToList();
        if (sound.Count == 0) return null;
        if (sound.Count == 1) return (sound[0].Name, $"its words are words only so: {sound[0].Reading.Sample}");
        doubt = [.. sound.Select(o => new ReadingOption(o.Name, $"the text reads {o.Reading.Sample}")), new ReadingOption(western, $"the text reads {assumed.Sample}")];
        return null;
    }

    private static List<(string Name, Reading Reading)> Readings(ReadOnlySpan<byte> sample)
    {
        var result = new List<(string Name, Reading Reading)>();
        foreach (var name in Candidates)
        {
            if (Reading.Of(sample, name) is { } reading && !result.Exists(r => r.Reading.Text == reading.Text)) result.Add((name, reading));
        }
        return result;
    }

    /// <summary>What a text looks like in one encoding.</summary>
    /// <param name="HeaderWords">Known words of headers in its first lines that are not ASCII.</param>
    /// <param name="HeaderSample">The first of them.</param>
    /// <param name="Soundness">Part of its words beyond ASCII that are made as words are, 0 to 1.</param>
    /// <param name="Sample">Some of these words.</param>
    /// <param name="Text">The text.</param>
    private sealed record Reading(int HeaderWords, string HeaderSample, decimal Soundness, string Sample, string Text)
    {
        public static Reading? Of(ReadOnlySpan<byte> bytes, string name)
        {
            var encoding = CodePagesEncodingProvider.Instance.GetEncoding(name, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback) ?? Encoding.GetEncoding(name, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
            string text;
            try
            {
                // A cut in the middle of a character is no fault of the encoding.
                var end = bytes.Length < SampleBytes ? bytes.Length : bytes.LastIndexOf((byte)'\n') + 1;
                text = encoding.GetString(bytes[..(end == 0 ? bytes.Length : end)]);
            }
            catch (DecoderFallbackException)
            {
                return null;
            }
            var (known, first) = Header(text);
            var words = Foreign(text);
            return new Reading(known, first, words.Count == 0 ? 0 : (decimal)words.Count(IsSound) / words.Count, string.Join(", ", words.Take(4).Select(w => $"\"{ReadingLimits.Short(w)}\"")), text);
        }

        private static (int Known, string First) Header(string text)
        {
            var known = new HashSet<string>(StringComparer.Ordinal);
            var first = "";
            var lines = 0;
            foreach (var line in text.AsSpan().EnumerateLines())
            {
                if (++lines > 60) break;
                foreach (var range in line.SplitAny(";,\t|\""))
                {
                    var cell = line[range].Trim();
                    if (cell.Length is 0 or > 60 || Ascii.IsValid(cell) || CsvColumns.RoleOf(cell.ToString()) is null || !known.Add(cell.ToString())) continue;
                    if (first.Length == 0) first = $"\"{cell}\"";
                }
            }
            return (known.Count, first);
        }

        private static HashSet<string> Foreign(string text)
        {
            var words = new HashSet<string>(StringComparer.Ordinal);
            foreach (var range in text.AsSpan().SplitAny(" ;,\t|\"\r\n/().:+*-"))
            {
                var word = text.AsSpan()[range];
                if (word.IsEmpty || Ascii.IsValid(word)) continue;
                words.Add(word.ToString());
                if (words.Count >= Words) break;
            }
            return words;
        }

        // A word has letters of one script, no capital after a small letter, no sign between letters, nothing that is not printed.
        private static bool IsSound(string word)
        {
            var (script, small, letters) = (Script.None, false, 0);
            for (var i = 0; i < word.Length; i++)
            {
                var c = word[i];
                if (char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned) return false;
                if (!char.IsLetter(c))
                {
                    var between = i > 0 && i + 1 < word.Length && char.IsLetter(word[i - 1]) && char.IsLetter(word[i + 1]);
                    if (c > 127 && (between || !IsCommonSign(c))) return false;
                    small = false;
                    continue;
                }
                letters++;
                var own = ScriptOf(c);
                if (own == Script.Odd || (script != Script.None && own != script)) return false;
                (script, var wasSmall) = (own, small);
                small = char.IsLower(c);
                if (wasSmall && char.IsUpper(c)) return false;
            }
            return letters > 0 || word.All(c => c < 128 || IsCommonSign(c));
        }

        private static bool IsCommonSign(char c) => c is '\u20AC' or '\u00A3' or '\u00A7' or '\u00B0' or '\u00A0' or '\u2013' or '\u2014' or '\u2018' or '\u2019' or '\u201C' or '\u201D' or '\u201E' or '\u2026' or '\u2022' or '\u00AB' or '\u00BB' or '\u00BA' or '\u00AA' or '\u00AE' or '\u2122' or '\u00B7' or '\u00B4' or '\u2116' or '\u3000' or '\u3001' or '\u30FB' or '\uFF08' or '\uFF09';

        private static Script ScriptOf(char c) => c switch
        {
            < '\u0250' => c is '\u00AA' or '\u00BA' or '\u00B5' or '\u0192' ? Script.Odd : Script.Latin,
            >= '\u0370' and < '\u0400' => Script.Greek,
            // Russian, Ukrainian, Bulgarian and Serbian use these; what else a code page has is rare in a bank's texts.
            >= '\u0410' and <= '\u044F' or '\u0401' or '\u0451' or '\u0404' or '\u0406' or '\u0407' or '\u0454' or '\u0456' or '\u0457' or '\u0490' or '\u0491' => Script.Cyrillic,
            >= '\u3040' and < '\u3100' or '\u3005' => Script.EastAsian,
            >= '\u4E00' and < '\uA000' => Script.EastAsian,
            >= '\uAC00' and < '\uD7B0' => Script.Korean,
            >= '\uFF00' and < '\uFF60' => Script.EastAsian,
            _ => Script.Odd,
        };
    }

    private enum Script
    {
        None,
        Latin,
        Greek,
        Cyrillic,
        EastAsian,
        Korean,
        Odd,
    }
}
