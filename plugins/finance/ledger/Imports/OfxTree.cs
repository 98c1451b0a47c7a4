using System.Globalization;
using System.Net;
using System.Text;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>An element of OFX, of 1.x (SGML, leaves unclosed) and 2.x (XML) alike.</summary>
/// <param name="name">Name in capitals.</param>
/// <param name="line">Line on which it begins.</param>
/// <param name="start">Position at which it begins.</param>
internal sealed class OfxElement(string name, int line, int start)
{
    private static readonly List<OfxElement> None = [];
    private List<OfxElement>? _children;

    /// <summary>Name in capitals.</summary>
    public string Name { get; } = name;

    /// <summary>Line on which it begins.</summary>
    public int Line { get; } = line;

    /// <summary>Position at which it begins.</summary>
    public int Start { get; } = start;

    /// <summary>Position after its end; 0 when it was never closed.</summary>
    public int End { get; set; }

    /// <summary>Its own text, trimmed; empty for an aggregate.</summary>
    public string Text { get; set; } = "";

    /// <summary>Elements within.</summary>
    public List<OfxElement> Children => _children ?? None;

    /// <summary>Text of the first child of a name, or null when there is none or it is empty.</summary>
    public string? this[string child] => Find(child)?.Text is { Length: > 0 } text ? text : null;

    /// <summary>First child of a name, or null.</summary>
    public OfxElement? Find(string child) => _children?.Find(c => c.Name == child);

    /// <summary>Adds a child.</summary>
    public void Add(OfxElement child) => (_children ??= []).Add(child);

    /// <summary>All elements of a name below this one, in order.</summary>
    public IEnumerable<OfxElement> Descendants(params string[] names)
    {
        var stack = new Stack<OfxElement>();
        stack.Push(this);
        while (stack.TryPop(out var element))
        {
            if (element != this && Array.IndexOf(names, element.Name) >= 0) yield return element;
            for (var i = element.Children.Count - 1; i >= 0; i--) stack.Push(element.Children[i]);
        }
    }
}

/// <summary>Reads OFX into a tree in one pass: no DTD, no entities but those of characters, any nesting in linear time.</summary>
internal sealed class OfxTree
{
    private const int MaxDepth = 64;
    private readonly string _text;
    private readonly ReadingLog _log;
    private readonly List<OfxElement> _open = [];
    private readonly Dictionary<string, int> _openNames = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private int _line = 1;
    private int _counted;

    private OfxTree(string text, ReadingLog log) => (_text, _log) = (text, log);

    /// <summary>Reads from the first tag of <c>OFX</c> on; null when there is none.</summary>
    public static OfxElement? Read(string text, ReadingLog log)
    {
        var at = text.IndexOf("<OFX", StringComparison.OrdinalIgnoreCase);
        if (at < 0) return null;
        var doctype = text.IndexOf("<!DOCTYPE", StringComparison.OrdinalIgnoreCase);
        if (doctype >= 0) log.Problem(StatementText.LineOf(text, doctype), "A document type is declared; OFX has none, and entities of a file's own are never expanded.");
        return new OfxTree(text, log).Run(at);
    }

    private OfxElement Run(int position)
    {
        var root = new OfxElement("", 1, 0);
        _open.Add(root);
        while (position < _text.Length)
        {
            var next = NextTag(position);
            if (next > position) Characters(position, next);
            if (next >= _text.Length) break;
            position = Markup(next);
        }
        foreach (var left in _open.Skip(1).Where(IsAggregate)) CutOff(left);
        while (_open.Count > 1) Pop(_text.Length);
        return root;
    }

    // A "<" that begins no name is text: banks write "<5 EUR".
    private int NextTag(int position)
    {
        while (true)
        {
            var at = _text.IndexOf('<', position);
            if (at < 0 || at + 1 >= _text.Length) return _text.Length;
            if (char.IsAsciiLetter(_text[at + 1]) || _text[at + 1] is '/' or '!' or '?') return at;
            position = at + 1;
        }
    }

    private int Markup(int at)
    {
        var rest = _text.AsSpan(at);
        if (rest.StartsWith("<![CDATA[", StringComparison.Ordinal)) return Verbatim(at);
        if (rest.StartsWith("<!--", StringComparison.Ordinal)) return After("-->", at);
        if (rest[1] is '!' or '?') return After(">", at);
        var end = _text.IndexOf('>', at);
        var stop = _text.IndexOf('<', at + 1);
        if (end < 0 || (stop >= 0 && stop < end) || end - at > 200)
        {
            _log.Problem(LineAt(at), $"The tag \"{ReadingLimits.Short(_text[at..Math.Min(_text.Length, at + 40)])}\" has no end.");
            return stop < 0 || stop <= at ? _text.Length : stop;
        }
        if (_text[at + 1] == '/') Close(Name(at + 2, end), at, end + 1);
        else Open(Name(at + 1, end), at, end + 1, _text[end - 1] == '/');
        return end + 1;
    }

    private int After(string mark, int at)
    {
        var end = _text.IndexOf(mark, at, StringComparison.Ordinal);
        if (end >= 0) return end + mark.Length;
        _log.Problem(LineAt(at), $"What begins with \"{_text.AsSpan(at, Math.Min(4, _text.Length - at))}\" has no end \"{mark}\".");
        return _text.Length;
    }

    private int Verbatim(int at)
    {
        var end = _text.IndexOf("]]>", at, StringComparison.Ordinal);
        if (end < 0) return After("]]>", at);
        if (_open.Count > 1) Append(_open[^1], _text[(at + 9)..end], at);
        return end + 3;
    }

    private string Name(int from, int to)
    {
        var span = _text.AsSpan(from, to - from).TrimEnd('/').Trim();
        var blank = span.IndexOfAny(" \t\r\n");
        if (blank >= 0) span = span[..blank];
        var look = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (look.TryGetValue(span, out var known)) return known;
        var name = span.ToString().ToUpperInvariant();
        if (_names.Count < 2_000) _names[span.ToString()] = name;
        return name;
    }

    private void Open(string name, int at, int end, bool closed)
    {
        // A leaf that has its text ends where the next tag begins.
        while (_open.Count > 1 && _open[^1].Text.Length > 0) Pop(at);
        if (name is "STMTTRN" && Depth(name) > 0)
        {
            _log.Note(LineAt(at), "A transaction begins before the one above is closed; it was taken as closed.");
            CloseTo(name, at);
        }
        // Some banks never close the list; what follows it shows its end.
        if (name is "LEDGERBAL" or "AVAILBAL" && Depth("BANKTRANLIST") > 0) CloseTo("BANKTRANLIST", at);
        var element = new OfxElement(name, LineAt(at), at);
        if (closed) element.End = end;
        if (closed || _open.Count > MaxDepth)
        {
            if (!closed) _log.Problem(element.Line, $"Elements are nested deeper than {MaxDepth}.");
            _open[^1].Add(element);
            return;
        }
        _open.Add(element);
        _openNames[name] = Depth(name) + 1;
    }

    private void Close(string name, int at, int end)
    {
        if (Depth(name) == 0)
        {
            if (IsAggregate(name)) _log.Note(LineAt(at), $"</{ReadingLimits.Short(name)}> closes nothing; it was passed over.");
            return;
        }
        CloseTo(name, end);
    }

    private void CloseTo(string name, int end)
    {
        while (_open.Count > 1)
        {
            var top = _open[^1];
            if (top.Name != name && IsAggregate(top)) _log.Note(top.Line, $"<{top.Name}> is not closed; it was taken to end with its surroundings.");
            Pop(end);
            if (top.Name == name) return;
        }
    }

    // What an empty unclosed leaf seemed to hold are its brothers: <MEMO><FITID>1. Lists move at most MaxDepth times.
    private void Pop(int end)
    {
        var element = _open[^1];
        _open.RemoveAt(_open.Count - 1);
        _openNames[element.Name] = Depth(element.Name) - 1;
        element.End = end;
        var parent = _open[^1];
        var closedByName = end > 0 && end <= _text.Length && _text[end - 1] == '>' && ClosesItself(element, end);
        if (element.Children.Count == 0 || closedByName || IsAggregate(element))
        {
            parent.Add(element);
            return;
        }
        parent.Add(new OfxElement(element.Name, element.Line, element.Start) { Text = element.Text, End = element.Start });
        foreach (var child in element.Children) parent.Add(child);
    }

    private bool ClosesItself(OfxElement element, int end)
    {
        var start = end - element.Name.Length - 3;
        return start >= 0 && _text[start] == '<' && _text[start + 1] == '/' && _text.AsSpan(start + 2, element.Name.Length).Equals(element.Name, StringComparison.OrdinalIgnoreCase);
    }

    private void CutOff(OfxElement element)
    {
        if (element.Name is "STMTTRN" or "BANKTRANLIST" or "INVTRANLIST" or "LEDGERBAL") _log.Problem(element.Line, $"The file ends within <{element.Name}>: it is cut off, lines may be missing. Export it again.");
        else _log.Note(element.Line, $"The file ends within <{element.Name}>.");
    }

    private void Characters(int from, int to)
    {
        var span = _text.AsSpan(from, to - from);
        if (_open.Count <= 1 || span.IsWhiteSpace()) return;
        var top = _open[^1];
        if (top.Children.Count > 0 || IsAggregate(top))
        {
            _log.Problem(LineAt(from), $"There is text where an element should begin: \"{ReadingLimits.Short(span.Trim().ToString())}\".");
            return;
        }
        Append(top, Decode(span), from);
    }

    private void Append(OfxElement element, string text, int at)
    {
        if (element.Text.Length + text.Length > ReadingLimits.Field)
        {
            _log.Problem(LineAt(at), $"<{element.Name}> is longer than {ReadingLimits.Field:N0} characters.");
            element.Text = element.Text.Length == 0 ? "…" : element.Text;
            return;
        }
        element.Text = ReadingLimits.Clean(element.Text + text) ?? element.Text;
    }

    private int Depth(string name) => _openNames.GetValueOrDefault(name);

    private static bool IsAggregate(OfxElement element) => IsAggregate(element.Name);

    private static bool IsAggregate(string name) =>
        name is "OFX" or "STMTTRN" or "BANKTRANLIST" or "INVTRANLIST" or "LEDGERBAL" or "AVAILBAL" or "STATUS" or "SONRS" or "FI"
        || name.EndsWith("MSGSRSV1", StringComparison.Ordinal) || name.EndsWith("TRNRS", StringComparison.Ordinal) || name.EndsWith("STMTRS", StringComparison.Ordinal) || name.EndsWith("ACCTFROM", StringComparison.Ordinal);

    private int LineAt(int position)
    {
        if (position < _counted) return _line;
        var fresh = _text.AsSpan(_counted, position - _counted);
        _line += fresh.Count('\n');
        _counted = position;
        return _line;
    }

    private static string Decode(ReadOnlySpan<char> span)
    {
        if (!span.Contains('&')) return span.ToString();
        var result = new StringBuilder(span.Length);
        for (var i = 0; i < span.Length; i++)
        {
            var end = span[i] == '&' ? span[i..Math.Min(span.Length, i + 12)].IndexOf(';') : -1;
            if (end < 0)
            {
                result.Append(span[i]);
                continue;
            }
            var entity = span.Slice(i, end + 1);
            result.Append(entity[1] == '#' ? Reference(entity) : WebUtility.HtmlDecode(entity.ToString()));
            i += end;
        }
        return result.ToString();
    }

    private static string Reference(ReadOnlySpan<char> entity)
    {
        var hex = entity.Length > 3 && entity[2] is 'x' or 'X';
        var ok = int.TryParse(entity[(hex ? 3 : 2)..^1], hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var code);
        return ok && Rune.IsValid(code) && code >= 32 ? new Rune(code).ToString() : entity.ToString();
    }
}
