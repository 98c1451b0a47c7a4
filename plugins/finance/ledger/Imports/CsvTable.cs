using System.Text;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>A record of CSV.</summary>
/// <param name="Line">Line on which it begins, from 1.</param>
/// <param name="Cells">Its fields.</param>
/// <param name="Raw">Its text, cut.</param>
internal sealed record CsvRow(int Line, string[] Cells, string Raw)
{
    /// <summary>A field, empty when the row is shorter.</summary>
    public string this[int column] => column < Cells.Length ? Cells[column] : "";
}

/// <summary>The records of a file with the delimiter by which it is most regular.</summary>
/// <param name="delimiter">The delimiter.</param>
/// <param name="rows">All records that are not blank.</param>
internal sealed class CsvTable(char delimiter, List<CsvRow> rows)
{
    private const int SampleRows = 200;
    private static readonly char[] Candidates = [';', ',', '\t', '|'];

    /// <summary>The delimiter.</summary>
    public char Delimiter { get; } = delimiter;

    /// <summary>All records that are not blank.</summary>
    public List<CsvRow> Rows { get; } = rows;

    /// <summary>Reads a file, or null after a problem was found.</summary>
    public static CsvTable? Read(string text, string? answer, ReadingLog log)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            log.Problem(1, "The file is empty.");
            return null;
        }
        var start = 0;
        var delimiter = answer switch { null => Declared(text, out start), "tab" or "\\t" => '\t', "comma" => ',', "semicolon" => ';', _ => answer[0] };
        if (answer is not null && Declared(text, out var skip) is not null) start = skip;
        delimiter ??= Guess(text);
        var rows = new List<CsvRow>();
        var records = new CsvRecords(text, start, delimiter.Value, start == 0 ? 1 : 2);
        while (records.Next() is { } row)
        {
            if (records.Fault is not null) break;
            if (Array.Exists(row.Cells, c => !string.IsNullOrWhiteSpace(c))) rows.Add(row);
        }
        if (records.Fault is { } fault)
        {
            log.Problem(fault.Line, fault.Text);
            return null;
        }
        return new CsvTable(delimiter.Value, rows);
    }

    private static char? Declared(string text, out int start)
    {
        start = 0;
        if (!text.StartsWith("sep=", StringComparison.OrdinalIgnoreCase) || text.Length < 6) return null;
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        if (end is < 0 or > 6) return null;
        start = end + (text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? 2 : 1);
        return text[4];
    }

    // The delimiter by which the most rows have the same number of fields, more than one; header words break ties.
    private static char Guess(string text)
    {
        var (best, bestScore) = (',', -1);
        foreach (var candidate in Candidates)
        {
            var widths = new Dictionary<int, int>();
            var records = new CsvRecords(text, 0, candidate, 1);
            var (count, words) = (0, 0);
            while (count < SampleRows && records.Next() is { } row && records.Fault is null)
            {
                if (Array.TrueForAll(row.Cells, string.IsNullOrWhiteSpace)) continue;
                count++;
                words = Math.Max(words, row.Cells.Length > 1 ? row.Cells.Count(c => CsvColumns.RoleOf(c) is not null) : 0);
                if (row.Cells.Length > 1) widths[row.Cells.Length] = widths.GetValueOrDefault(row.Cells.Length) + 1;
            }
            if (count == 0) continue;
            var regular = widths.Count == 0 ? 0 : widths.Values.Max();
            var score = (words * 1_000) + (regular * 1_000 / count) + Math.Min(widths.Count == 0 ? 0 : widths.MaxBy(w => w.Value).Key, 20);
            if (score > bestScore) (best, bestScore) = (candidate, score);
        }
        return best;
    }
}

/// <summary>Cuts a text into records by RFC 4180, forgiving what banks do: quotes within fields, text behind a closing quote, any line end.</summary>
internal sealed class CsvRecords(string text, int position, char delimiter, int line)
{
    private readonly StringBuilder _field = new();
    private readonly List<string> _cells = [];
    private int _position = position;
    private int _line = line;

    /// <summary>What ended the reading, or null.</summary>
    public ReadingNote? Fault { get; private set; }

    /// <summary>The next record, or null at the end.</summary>
    public CsvRow? Next()
    {
        if (_position >= text.Length || Fault is not null) return null;
        var (start, first) = (_position, _line);
        _cells.Clear();
        while (true)
        {
            var cell = Cell(first);
            _cells.Add(cell);
            if (Fault is not null) return null;
            if (cell.Length > ReadingLimits.Field) Fault = new ReadingNote(first, $"A field is longer than {ReadingLimits.Field:N0} characters.");
            if (_cells.Count > ReadingLimits.Fields) Fault = new ReadingNote(first, $"The row has more than {ReadingLimits.Fields} fields.");
            if (Fault is not null || _position >= text.Length) break;
            if (text[_position] == delimiter)
            {
                _position++;
                continue;
            }
            break;
        }
        var raw = ReadingLimits.Raw(text[start..Math.Min(_position, start + 4_001)]);
        EndLine();
        if (_line > ReadingLimits.Lines) Fault = new ReadingNote(_line, $"The file has more than {ReadingLimits.Lines:N0} lines. Export a shorter period.");
        return new CsvRow(first, [.. _cells], raw);
    }

    private void EndLine()
    {
        if (_position >= text.Length) return;
        if (text[_position] == '\r' && _position + 1 < text.Length && text[_position + 1] == '\n') _position++;
        _position++;
        _line++;
    }

    private string Cell(int first)
    {
        var start = _position;
        while (start < text.Length && text[start] == ' ') start++;
        if (start < text.Length && text[start] == '=' && start + 1 < text.Length && text[start + 1] == '"') start++;
        if (start < text.Length && text[start] == '"') return Quoted(start + 1, first);
        var rest = text.AsSpan(_position);
        var end = rest.IndexOfAny(delimiter, '\r', '\n');
        var value = end < 0 ? rest : rest[..end];
        _position += value.Length;
        return value.ToString();
    }

    // A quote ends the field only before a delimiter, a line end or the end of the text; any other belongs to the text.
    private string Quoted(int at, int first)
    {
        _field.Clear();
        var lines = 0;
        while (at < text.Length)
        {
            var stop = text.AsSpan(at).IndexOfAny('"', '\n');
            if (stop < 0) break;
            _field.Append(text, at, stop);
            at += stop;
            if (_field.Length > ReadingLimits.Field) break;
            if (text[at] == '\n')
            {
                lines++;
                _field.Append('\n');
                at++;
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                _field.Append('"');
                at += 2;
            }
            else if (Ends(at + 1))
            {
                _line += lines;
                _position = SkipBlanks(at + 1);
                return _field.ToString();
            }
            else
            {
                _field.Append('"');
                at++;
            }
        }
        Fault = new ReadingNote(first, "A quote that begins in this row is never closed.");
        return "";
    }

    // At most 64 blanks, so that a text of quotes and blanks is still read in linear time.
    private int SkipBlanks(int at)
    {
        var limit = Math.Min(text.Length, at + 64);
        while (at < limit && text[at] == ' ') at++;
        return at;
    }

    private bool Ends(int at)
    {
        at = SkipBlanks(at);
        return at >= text.Length || text[at] == delimiter || text[at] is '\r' or '\n';
    }
}
