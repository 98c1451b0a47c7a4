namespace Nexus.Gateway.GraphQL.Language;

/// <summary>Kinds of tokens.</summary>
internal enum TokenKind
{
    /// <summary>Before the first.</summary>
    Start,

    /// <summary>After the last.</summary>
    End,

    /// <summary><c>!</c></summary>
    Bang,

    /// <summary><c>$</c></summary>
    Dollar,

    /// <summary><c>&amp;</c></summary>
    Ampersand,

    /// <summary><c>(</c></summary>
    LeftParenthesis,

    /// <summary><c>)</c></summary>
    RightParenthesis,

    /// <summary><c>.</c>, in schema coordinates only.</summary>
    Dot,

    /// <summary><c>...</c></summary>
    Spread,

    /// <summary><c>:</c></summary>
    Colon,

    /// <summary><c>=</c></summary>
    Equal,

    /// <summary><c>@</c></summary>
    At,

    /// <summary><c>[</c></summary>
    LeftBracket,

    /// <summary><c>]</c></summary>
    RightBracket,

    /// <summary><c>{</c></summary>
    LeftBrace,

    /// <summary><c>|</c></summary>
    Pipe,

    /// <summary><c>}</c></summary>
    RightBrace,

    /// <summary>A name.</summary>
    Name,

    /// <summary>A whole number.</summary>
    Int,

    /// <summary>A number with a fraction or an exponent.</summary>
    Float,

    /// <summary>A text.</summary>
    String,

    /// <summary>A text as a block.</summary>
    BlockString,
}

/// <summary>One token as a part of the source.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Start">Offset of its first character.</param>
/// <param name="End">Offset after its last character.</param>
internal readonly record struct Token(TokenKind Kind, int Start, int End);

/// <summary>How tokens are called in messages.</summary>
internal static class TokenNames
{
    private static readonly string[] Texts =
        ["<SOF>", "<EOF>", "\"!\"", "\"$\"", "\"&\"", "\"(\"", "\")\"", "\".\"", "\"...\"", "\":\"", "\"=\"", "\"@\"", "\"[\"", "\"]\"", "\"{\"", "\"|\"", "\"}\"", "Name", "Int", "Float", "String", "BlockString"];

    /// <summary>The kind as messages name it.</summary>
    public static string Of(TokenKind kind) => Texts[(int)kind];
}
