namespace Nexus.Gateway.GraphQL.Language;

/// <summary>A text is no GraphQL.</summary>
internal sealed class SyntaxException(string problem, string source, int position) : Exception($"Syntax Error: {problem}")
{
    /// <summary>Where in the source it shows.</summary>
    public SourceLocation Location { get; } = SourceLocation.Of(source, position);
}

/// <summary>A place in a source, counted from 1; columns in UTF-16 units.</summary>
internal readonly record struct SourceLocation(int Line, int Column)
{
    /// <summary>The place of an offset.</summary>
    public static SourceLocation Of(string source, int position)
    {
        var (line, start) = (1, 0);
        for (var i = 0; i < position && i < source.Length; i++)
        {
            if (source[i] is not ('\n' or '\r'))
                continue;
            if (source[i] == '\r' && i + 1 < source.Length && source[i + 1] == '\n' && ++i >= position)
                break;
            line++;
            start = i + 1;
        }
        return new SourceLocation(line, position - start + 1);
    }
}
