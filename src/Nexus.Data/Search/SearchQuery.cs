using System.Buffers;
using System.Collections.Immutable;

namespace Nexus.Data.Search;

/// <summary>What the text of a search asks for, bounded and the same for every engine.</summary>
/// <param name="Wanted">All of them must be there.</param>
/// <param name="Unwanted">None of them may be.</param>
internal sealed record SearchQuery(ImmutableArray<SearchTerm> Wanted, ImmutableArray<SearchTerm> Unwanted)
{
    private static readonly SearchValues<char> Ends = SearchValues.Create(" \t\r\n\"\v\f\u00a0\u3000");

    /// <summary>Reads a text; every text can be read, and one without words wants nothing.</summary>
    public static SearchQuery Parse(string text, string? language)
    {
        var (wanted, unwanted) = (ImmutableArray.CreateBuilder<SearchTerm>(), ImmutableArray.CreateBuilder<SearchTerm>());
        var rest = text.AsSpan(0, Math.Min(text.Length, SearchRequest.LongestText)).Trim();
        var left = SearchRequest.MostWords;
        while (!rest.IsEmpty && left > 0)
        {
            var isUnwanted = rest[0] == '-' && rest.Length > 1 && !char.IsWhiteSpace(rest[1]);
            if (isUnwanted)
                rest = rest[1..];
            var isQuoted = rest[0] == '"';
            if (isQuoted)
                rest = rest[1..];
            var end = isQuoted ? rest.IndexOf('"') : rest.IndexOfAny(Ends);
            var part = end < 0 ? rest : rest[..end];
            rest = end < 0 ? [] : rest[(isQuoted ? end + 1 : end)..];
            rest = rest.TrimStart();
            var words = SearchText.Words(part.ToString());
            if (words.Count > left)
                words = words[..left];
            left -= words.Count;
            if (words.Count == 0)
                continue;
            if (isUnwanted)
                unwanted.Add(new SearchTerm([.. words], IsWhole: true, isQuoted || words.Count > 1 ? null : Stems.Of(words[0], language)));
            else if (isQuoted)
                wanted.Add(new SearchTerm([.. words], IsWhole: true, null));
            else
                wanted.AddRange(words.Select(w => new SearchTerm([w], IsWhole: false, Stems.Of(w, language))));
        }

        return new SearchQuery(wanted.DrainToImmutable(), unwanted.DrainToImmutable());
    }

    /// <summary>Reads a text that must want something.</summary>
    public static SearchQuery Demand(string text, string? language) => Parse(text, language) is { Wanted.IsEmpty: false } query
        ? query
        : throw new NexusException(ErrorCodes.FilterInvalid, "The search names nothing to be found; give a word of letters or digits, not only what must not be there.");

    /// <summary>The error of a table without an index.</summary>
    public static NexusException NoFields(string table) => new(ErrorCodes.FilterInvalid, $"{table} has no search fields; use a filter, or declare .Search(…) on the resource.");
}

/// <summary>Words that stand together.</summary>
/// <param name="Words">At least one.</param>
/// <param name="IsWhole">They are whole words; otherwise it is one and begins a word.</param>
/// <param name="Stem">A word with this stem is as good; null without a language.</param>
internal sealed record SearchTerm(ImmutableArray<string> Words, bool IsWhole, string? Stem);
