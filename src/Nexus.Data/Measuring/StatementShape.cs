using System.Collections.Concurrent;
using System.Text;

namespace Nexus.Data.Measuring;

/// <summary>An SQL statement without its values: literals become <c>?</c>, comments go, white space is one blank. What may be secret is in values, and texts that differ in them alone are one statement to who looks for slow ones.</summary>
internal static class StatementShape
{
    private const int MaxKnown = 2000;
    private const int MaxLength = 300;
    private static readonly ConcurrentDictionary<string, string> Known = new(StringComparer.Ordinal);

    public static string Of(string sql)
    {
        if (Known.TryGetValue(sql, out var known))
            return known;
        var shape = Read(sql);
        // A plugin that writes values into its statements has no end of them.
        return Known.Count < MaxKnown ? Known.GetOrAdd(sql, shape) : shape;
    }

    private static string Read(string sql)
    {
        var shape = new StringBuilder(Math.Min(sql.Length, MaxLength));
        for (var i = 0; i < sql.Length && shape.Length < MaxLength;)
        {
            var next = Skip(sql, i, out var token);
            if (token == ' ' ? shape.Length > 0 && shape[^1] != ' ' : token != '\0')
                shape.Append(token == 'c' ? sql[i..next] : token.ToString());
            i = next;
        }

        return shape.ToString().TrimEnd();
    }

    /// <summary>The end of what begins at a place, and what stands for it: <c>?</c> a literal, a blank for white space and comments, <c>c</c> itself.</summary>
    private static int Skip(string sql, int at, out char token)
    {
        var (one, two) = (sql[at], at + 1 < sql.Length ? sql[at + 1] : '\0');
        token = ' ';
        if (char.IsWhiteSpace(one))
            return at + 1;
        if (one == '-' && two == '-')
            return sql.IndexOf('\n', at) is var end and >= 0 ? end : sql.Length;
        if (one == '/' && two == '*')
            return sql.IndexOf("*/", at + 2, StringComparison.Ordinal) is var close and >= 0 ? close + 2 : sql.Length;
        token = '?';
        if (one == '\'')
            return Quoted(sql, at, '\'');
        if (one == '$' && Dollar(sql, at) is var ends and > 0)
            return ends;
        if (char.IsAsciiDigit(one))
            return Word(sql, at, ".");
        token = 'c';
        return one is '"' or '`' ? Quoted(sql, at, one) : char.IsLetter(one) || one is '_' or '@' or ':' or '$' ? Word(sql, at + 1, "$") : at + 1;
    }

    private static int Quoted(string sql, int at, char quote)
    {
        for (var i = at + 1; i < sql.Length; i++)
        {
            if (sql[i] != quote)
                continue;
            if (i + 1 < sql.Length && sql[i + 1] == quote)
                i++;
            else
                return i + 1;
        }

        return sql.Length;
    }

    // $tag$ … $tag$ of PostgreSQL.
    private static int Dollar(string sql, int at)
    {
        var end = sql.IndexOf('$', at + 1);
        if (end < 0 || !sql.AsSpan(at + 1, end - at - 1).ToString().All(c => char.IsLetter(c) || c == '_'))
            return 0;
        var tag = sql[at..(end + 1)];
        return sql.IndexOf(tag, end + 1, StringComparison.Ordinal) is var close and >= 0 ? close + tag.Length : sql.Length;
    }

    private static int Word(string sql, int from, string also)
    {
        while (from < sql.Length && (char.IsLetterOrDigit(sql[from]) || sql[from] == '_' || also.Contains(sql[from], StringComparison.Ordinal)))
            from++;
        return from;
    }
}
