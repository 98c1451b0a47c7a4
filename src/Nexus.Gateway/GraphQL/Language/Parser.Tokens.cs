namespace Nexus.Gateway.GraphQL.Language;

/// <content>Steps from token to token.</content>
internal sealed partial class Parser
{
    private void Advance()
    {
        token = lexer.Next();
        if (token.Kind != TokenKind.End && ++tokens > limits.Tokens)
            throw Fault($"Document contains more than {limits.Tokens} tokens. Parsing aborted.", token.Start);
    }

    private Token Peek()
    {
        var ahead = lexer;
        return ahead.Next();
    }

    /// <summary>One level deeper: the limit keeps this and every later walk over the document within the stack.</summary>
    private void Enter()
    {
        if (++depth > limits.Depth)
            throw Fault($"Document is nested more than {limits.Depth} levels deep. Parsing aborted.", token.Start);
    }

    private void Expect(TokenKind kind)
    {
        if (token.Kind != kind)
            throw Fault($"Expected {TokenNames.Of(kind)}, found {Describe(token)}.", token.Start);
        if (kind != TokenKind.End)
            Advance();
    }

    private bool Skip(TokenKind kind)
    {
        if (token.Kind != kind)
            return false;
        Advance();
        return true;
    }

    private void ExpectWord(string word)
    {
        if (!SkipWord(word))
            throw Fault($"Expected \"{word}\", found {Describe(token)}.", token.Start);
    }

    private bool SkipWord(string word)
    {
        if (token.Kind != TokenKind.Name || !Span(token).SequenceEqual(word))
            return false;
        Advance();
        return true;
    }

    private T[] Many<T>(TokenKind open, Func<Parser, T> parse, TokenKind close)
    {
        Expect(open);
        var parts = new List<T>();
        do
            parts.Add(parse(this));
        while (!Skip(close));
        return [.. parts];
    }

    private T[] Delimited<T>(TokenKind delimiter, Func<Parser, T> parse)
    {
        Skip(delimiter);
        var parts = new List<T>();
        do
            parts.Add(parse(this));
        while (Skip(delimiter));
        return [.. parts];
    }

    private ReadOnlySpan<char> Span(Token at) => at.Kind == TokenKind.Name ? source.AsSpan(at.Start, at.End - at.Start) : [];

    private string Text(Token at) => source[at.Start..at.End];

    private string Meaning(Token at) => at.Kind == TokenKind.String
        ? StringEscape.Decode(source, at.Start + 1, at.End - 1)
        : StringEscape.DecodeBlock(source[(at.Start + 3)..(at.End - 3)]);

    private string Describe(Token at) => at.Kind switch
    {
        TokenKind.Name or TokenKind.Int or TokenKind.Float => $"{TokenNames.Of(at.Kind)} \"{Text(at)}\"",
        TokenKind.String or TokenKind.BlockString => $"{TokenNames.Of(at.Kind)} \"{Meaning(at)}\"",
        _ => TokenNames.Of(at.Kind),
    };

    private SyntaxException Unexpected(Token at) => Fault($"Unexpected {Describe(at)}.", at.Start);

    private SyntaxException Fault(string problem, int at) => new(problem, source, at);
}
