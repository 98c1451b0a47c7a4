using System.Globalization;

namespace Nexus.Gateway.GraphQL.Language;

/// <summary>Cuts a source into tokens (section 2.1 of the specification). Texts stay where they are until the parser asks for one. A struct, so that a copy looks ahead.</summary>
internal struct Lexer(string source)
{
    private int position;

    /// <summary>The next token; comments and other ignored characters are passed over.</summary>
    /// <exception cref="SyntaxException">What stands there is no token.</exception>
    public Token Next()
    {
        var token = Read();
        position = token.End;
        return token;
    }

    private Token Read()
    {
        for (; position < source.Length; position++)
        {
            var letter = source[position];
            switch (letter)
            {
                case '\uFEFF' or '\t' or ' ' or ',' or '\n' or '\r':
                    continue;
                case '#':
                    SkipComment();
                    continue;
                case '"':
                    return source.AsSpan(position).StartsWith("\"\"\"") ? ReadBlock() : ReadString();
                case '.':
                    return ReadSpread();
            }
            if (Punctuator(letter) is var kind and not TokenKind.Start)
                return new Token(kind, position, position + 1);
            if (IsNameStart(letter))
                return ReadName();
            if (char.IsAsciiDigit(letter) || letter == '-')
                return ReadNumber();
            throw Unreadable(letter);
        }
        return new Token(TokenKind.End, source.Length, source.Length);
    }

    private static TokenKind Punctuator(char letter) => letter switch
    {
        '!' => TokenKind.Bang,
        '$' => TokenKind.Dollar,
        '&' => TokenKind.Ampersand,
        '(' => TokenKind.LeftParenthesis,
        ')' => TokenKind.RightParenthesis,
        ':' => TokenKind.Colon,
        '=' => TokenKind.Equal,
        '@' => TokenKind.At,
        '[' => TokenKind.LeftBracket,
        ']' => TokenKind.RightBracket,
        '{' => TokenKind.LeftBrace,
        '|' => TokenKind.Pipe,
        '}' => TokenKind.RightBrace,
        _ => TokenKind.Start,
    };

    /// <summary>Whether a name may begin with the character.</summary>
    public static bool IsNameStart(char letter) => char.IsAsciiLetter(letter) || letter == '_';

    /// <summary>Whether a name may go on with the character.</summary>
    public static bool IsNamePart(char letter) => char.IsAsciiLetterOrDigit(letter) || letter == '_';

    private readonly Token ReadName()
    {
        var end = position + 1;
        while (end < source.Length && IsNamePart(source[end]))
            end++;
        return new Token(TokenKind.Name, position, end);
    }

    private readonly Token ReadSpread()
    {
        if (source.AsSpan(position).StartsWith("..."))
            return new Token(TokenKind.Spread, position, position + 3);
        if (At(position + 1) == '.')
            throw Fault("Unexpected \"..\", did you mean \"...\"?", position);
        if (!char.IsAsciiDigit(At(position + 1)))
            throw Unreadable('.');
        var end = position + 1;
        while (char.IsAsciiDigit(At(end)))
            end++;
        throw Fault($"Invalid number, expected digit before \".\", did you mean \"0.{source[(position + 1)..end]}\"?", position);
    }

    private void SkipComment()
    {
        while (position + 1 < source.Length && source[position + 1] is not ('\n' or '\r'))
        {
            if (ScalarLength(position + 1) is var length and > 0)
                position += length;
            else
                throw Fault($"Invalid character: {Print(position + 1)}.", position + 1);
        }
    }

    private readonly Token ReadNumber()
    {
        var end = position;
        var kind = TokenKind.Int;
        if (source[end] == '-')
            end++;
        if (At(end) == '0')
        {
            if (char.IsAsciiDigit(At(++end)))
                throw Fault($"Invalid number, unexpected digit after 0: {Print(end)}.", end);
        }
        else
        {
            end = Digits(end);
        }
        if (At(end) == '.')
        {
            kind = TokenKind.Float;
            end = Digits(end + 1);
        }
        if (At(end) is 'e' or 'E')
        {
            kind = TokenKind.Float;
            end = Digits(At(end + 1) is '+' or '-' ? end + 2 : end + 1);
        }
        if (At(end) == '.' || IsNameStart(At(end)))
            throw Fault($"Invalid number, expected digit but got: {Print(end)}.", end);
        return new Token(kind, position, end);
    }

    private readonly int Digits(int start)
    {
        if (!char.IsAsciiDigit(At(start)))
            throw Fault($"Invalid number, expected digit but got: {Print(start)}.", start);
        while (char.IsAsciiDigit(At(start)))
            start++;
        return start;
    }

    private readonly Token ReadString()
    {
        var at = position + 1;
        while (at < source.Length && source[at] is not ('\n' or '\r'))
        {
            if (source[at] == '"')
                return new Token(TokenKind.String, position, at + 1);
            if (source[at] == '\\')
                at += StringEscape.Read(source, at).Length;
            else if (ScalarLength(at) is var length and > 0)
                at += length;
            else
                throw Fault($"Invalid character within String: {Print(at)}.", at);
        }
        throw Fault("Unterminated string.", at);
    }

    private readonly Token ReadBlock()
    {
        var at = position + 3;
        while (at < source.Length)
        {
            var rest = source.AsSpan(at);
            if (rest.StartsWith("\"\"\""))
                return new Token(TokenKind.BlockString, position, at + 3);
            if (rest.StartsWith("\\\"\"\""))
                at += 4;
            else if (ScalarLength(at) is var length and > 0)
                at += length;
            else
                throw Fault($"Invalid character within String: {Print(at)}.", at);
        }
        throw Fault("Unterminated string.", at);
    }

    /// <summary>UTF-16 units of the character there; 0 for half of a pair.</summary>
    private readonly int ScalarLength(int at) =>
        !char.IsSurrogate(source[at]) ? 1 : at + 1 < source.Length && char.IsSurrogatePair(source[at], source[at + 1]) ? 2 : 0;

    private readonly char At(int at) => at < source.Length ? source[at] : '\0';

    private readonly SyntaxException Unreadable(char letter) => Fault(
        letter == '\'' ? "Unexpected single quote character ('), did you mean to use a double quote (\")?"
        : ScalarLength(position) > 0 ? $"Unexpected character: {Print(position)}."
        : $"Invalid character: {Print(position)}.",
        position);

    private readonly string Print(int at)
    {
        if (at >= source.Length)
            return "<EOF>";
        var code = ScalarLength(at) == 2 ? char.ConvertToUtf32(source, at) : source[at];
        return code is < 0x20 or > 0x7E ? "U+" + code.ToString("X4", CultureInfo.InvariantCulture) : code == '"' ? "'\"'" : $"\"{(char)code}\"";
    }

    private readonly SyntaxException Fault(string problem, int at) => new(problem, source, at);
}
