using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;

namespace Nexus.Engines.PostgreSql.Sql;

/// <summary>One statement of a plugin.</summary>
/// <param name="Text">Its text with <c>$1</c>, <c>$2</c> for its named parameters.</param>
/// <param name="Parameters">Names of the parameters, by number.</param>
/// <param name="Words">Its words in lower case, quoted names among them; no texts and no comments.</param>
/// <param name="Bodies">Words of its dollar-quoted texts, such as bodies of functions.</param>
internal sealed record SqlStatement(string Text, ImmutableArray<string> Parameters, ImmutableArray<string> Words, ImmutableArray<string> Bodies);

/// <summary>Takes a text of SQL apart: statements, words, named parameters.</summary>
internal sealed class SqlText
{
    private const int MaxKnown = 2000;

    private static readonly ConcurrentDictionary<string, ImmutableArray<SqlStatement>> Known = new(StringComparer.Ordinal);

    private readonly string _sql;
    private readonly StringBuilder _text = new();
    private readonly List<string> _parameters = [];
    private readonly List<string> _words = [];
    private readonly List<string> _bodies = [];
    private readonly ImmutableArray<SqlStatement>.Builder _statements = ImmutableArray.CreateBuilder<SqlStatement>();
    private int _at;

    private SqlText(string sql) => _sql = sql;

    public static ImmutableArray<SqlStatement> Read(string sql)
    {
        if (Known.TryGetValue(sql, out var known))
            return known;
        if (Known.Count > MaxKnown)
            Known.Clear();
        return Known[sql] = new SqlText(sql).Read();
    }

    private static bool IsWordStart(char c) => char.IsLetter(c) || c == '_';

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '$';

    private char Peek(int ahead = 0) => _at + ahead < _sql.Length ? _sql[_at + ahead] : '\0';

    private ImmutableArray<SqlStatement> Read()
    {
        while (_at < _sql.Length)
        {
            var c = Peek();
            if (c == ';')
            {
                _at++;
                End();
            }
            else if (c == '-' && Peek(1) == '-')
            {
                SkipTo(_sql.IndexOf('\n', _at), 1);
            }
            else if (c == '/' && Peek(1) == '*')
            {
                SkipComment();
            }
            else if (c == '\'')
            {
                Copy(EndOfText(_at, escapes: _text.Length > 0 && _text[^1] is 'e' or 'E' && (_text.Length == 1 || !IsWord(_text[^2]))));
            }
            else if (c == '"')
            {
                ReadQuoted();
            }
            else if (c == '$')
            {
                ReadDollar();
            }
            else if (c == '@' && IsWordStart(Peek(1)) && (_at == 0 || _sql[_at - 1] != '@'))
            {
                ReadParameter();
            }
            else if (IsWordStart(c))
            {
                ReadWord();
            }
            else
            {
                _text.Append(c);
                _at++;
            }
        }

        End();
        return _statements.ToImmutable();
    }

    private void End()
    {
        if (_text.ToString().Trim() is { Length: > 0 } text)
            _statements.Add(new SqlStatement(text, [.. _parameters], [.. _words], [.. _bodies]));
        _text.Clear();
        _parameters.Clear();
        _words.Clear();
        _bodies.Clear();
    }

    private void Copy(int end)
    {
        _text.Append(_sql, _at, end - _at);
        _at = end;
    }

    private void SkipTo(int end, int beyond)
    {
        _at = end < 0 ? _sql.Length : end + beyond;
        _text.Append(' ');
    }

    private void SkipComment()
    {
        var depth = 0;
        do
        {
            if (Peek() == '/' && Peek(1) == '*')
                (depth, _at) = (depth + 1, _at + 2);
            else if (Peek() == '*' && Peek(1) == '/')
                (depth, _at) = (depth - 1, _at + 2);
            else
                _at++;
        }
        while (depth > 0 && _at < _sql.Length);
        _text.Append(' ');
    }

    private int EndOfText(int start, bool escapes)
    {
        for (var i = start + 1; i < _sql.Length; i++)
        {
            if (escapes && _sql[i] == '\\')
                i++;
            else if (_sql[i] == '\'' && i + 1 < _sql.Length && _sql[i + 1] == '\'')
                i++;
            else if (_sql[i] == '\'')
                return i + 1;
        }

        return _sql.Length;
    }

    private void ReadQuoted()
    {
        var end = _sql.IndexOf('"', _at + 1);
        while (end >= 0 && end + 1 < _sql.Length && _sql[end + 1] == '"')
            end = _sql.IndexOf('"', end + 2);
        end = end < 0 ? _sql.Length : end + 1;
        _words.Add(_sql[(_at + 1)..Math.Max(_at + 1, end - 1)].ToLowerInvariant());
        Copy(end);
    }

    private void ReadDollar()
    {
        var close = _sql.IndexOf('$', _at + 1);
        var tag = close < 0 ? "" : _sql[_at..(close + 1)];
        if (tag.Length == 0 || !tag[1..^1].All(IsWord) || (tag.Length > 2 && char.IsDigit(tag[1])))
            throw new InvalidOperationException("Parameters are named: @name.");
        var end = _sql.IndexOf(tag, close + 1, StringComparison.Ordinal);
        end = end < 0 ? _sql.Length : end;
        foreach (var inner in Read(_sql[(close + 1)..end].Replace("$", "", StringComparison.Ordinal)))
            _bodies.AddRange([.. inner.Words, .. inner.Bodies]);
        Copy(Math.Min(_sql.Length, end + tag.Length));
    }

    private void ReadParameter()
    {
        var end = _at + 1;
        while (end < _sql.Length && char.IsLetterOrDigit(_sql[end]) | (end < _sql.Length && _sql[end] == '_'))
            end++;
        var name = _sql[(_at + 1)..end];
        var number = _parameters.IndexOf(name);
        if (number < 0)
        {
            number = _parameters.Count;
            _parameters.Add(name);
        }

        _text.Append('$').Append(number + 1);
        _at = end;
    }

    private void ReadWord()
    {
        var end = _at + 1;
        while (end < _sql.Length && IsWord(_sql[end]))
            end++;
        var word = _sql[_at..end];
        if (word is "u" or "U" && end + 1 < _sql.Length && _sql[end] == '&' && _sql[end + 1] == '"')
            throw new NexusException(ErrorCodes.PluginPermissionDenied, "Names with escapes (U&\"…\") are refused: write them as they are.");
        _words.Add(word.ToLowerInvariant());
        Copy(end);
    }
}
