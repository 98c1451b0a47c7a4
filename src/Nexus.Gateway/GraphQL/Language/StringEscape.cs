using System.Text;

namespace Nexus.Gateway.GraphQL.Language;

/// <summary>Escapes and blocks in texts (section 2.9.4 of the specification).</summary>
internal static class StringEscape
{
    private const int NoDigit = -1;

    /// <summary>Reads the escape that begins at a backslash.</summary>
    /// <exception cref="SyntaxException">It is none.</exception>
    public static (Rune Value, int Length) Read(string source, int at)
    {
        var letter = at + 1 < source.Length ? source[at + 1] : '\0';
        if (letter == 'u')
            return at + 2 < source.Length && source[at + 2] == '{' ? ReadVariable(source, at) : ReadFixed(source, at);
        var value = letter switch { '"' => '"', '\\' => '\\', '/' => '/', 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', _ => '\0' };
        return value != '\0' ? (new Rune(value), 2) : throw new SyntaxException($"Invalid character escape sequence: \"{Cut(source, at, 2)}\".", source, at);
    }

    /// <summary>What a text between quotes means.</summary>
    public static string Decode(string source, int start, int end)
    {
        var raw = source.AsSpan(start, end - start);
        if (!raw.Contains('\\'))
            return raw.ToString();
        var text = new StringBuilder(raw.Length);
        for (var at = start; at < end;)
        {
            if (source[at] != '\\')
            {
                text.Append(source[at++]);
                continue;
            }
            var (value, length) = Read(source, at);
            text.Append(value);
            at += length;
        }
        return text.ToString();
    }

    /// <summary>What a block means: without the indentation common to all lines but the first, and without blank lines at its ends.</summary>
    public static string DecodeBlock(string raw)
    {
        var lines = raw.Replace("\\\"\"\"", "\"\"\"", StringComparison.Ordinal).ReplaceLineBreaks().Split('\n');
        var (common, first, last) = (int.MaxValue, -1, -1);
        for (var i = 0; i < lines.Length; i++)
        {
            var indent = Indent(lines[i]);
            if (indent == lines[i].Length)
                continue;
            first = first < 0 ? i : first;
            last = i;
            if (i > 0)
                common = Math.Min(common, indent);
        }
        if (first < 0)
            return "";
        for (var i = 1; i < lines.Length; i++)
            lines[i] = lines[i].Length <= common ? "" : lines[i][common..];
        return string.Join('\n', lines, first, last - first + 1);
    }

    private static string ReplaceLineBreaks(this string text) =>
        text.Contains('\r') ? text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n') : text;

    private static int Indent(string line)
    {
        var indent = 0;
        while (indent < line.Length && line[indent] is ' ' or '\t')
            indent++;
        return indent;
    }

    private static (Rune, int) ReadVariable(string source, int at)
    {
        var point = 0;
        var size = 3;
        while (size < 12)
        {
            var letter = at + size < source.Length ? source[at + size] : '\0';
            size++;
            if (letter == '}')
            {
                if (size < 5 || !Rune.IsValid(point))
                    break;
                return (new Rune(point), size);
            }
            var digit = Hex(letter);
            if (digit < 0 || point > 0x7FFFFFF)
                break;
            point = (point << 4) | digit;
        }
        throw Invalid(source, at, size);
    }

    private static (Rune, int) ReadFixed(string source, int at)
    {
        var code = Hex4(source, at + 2);
        if (Rune.IsValid(code))
            return (new Rune(code), 6);
        if (code is >= 0xD800 and <= 0xDBFF && Cut(source, at + 6, 2) == "\\u" && Hex4(source, at + 8) is >= 0xDC00 and <= 0xDFFF and var low)
            return (new Rune((char)code, (char)low), 12);
        throw Invalid(source, at, 6);
    }

    private static int Hex4(string source, int at)
    {
        var code = 0;
        for (var i = 0; i < 4; i++)
        {
            var digit = at + i < source.Length ? Hex(source[at + i]) : NoDigit;
            if (digit < 0)
                return NoDigit;
            code = (code << 4) | digit;
        }
        return code;
    }

    private static int Hex(char letter) => letter switch
    {
        >= '0' and <= '9' => letter - '0',
        >= 'A' and <= 'F' => letter - 'A' + 10,
        >= 'a' and <= 'f' => letter - 'a' + 10,
        _ => NoDigit,
    };

    private static string Cut(string source, int at, int length) => at >= source.Length ? "" : source.Substring(at, Math.Min(length, source.Length - at));

    private static SyntaxException Invalid(string source, int at, int length) => new($"Invalid Unicode escape sequence: \"{Cut(source, at, length)}\".", source, at);
}
