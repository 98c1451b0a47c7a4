using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Search;

namespace Nexus.Data.Memory;

/// <summary>Search by looking at each record.</summary>
internal sealed class MemorySearch(SearchQuery query, SearchFields fields)
{
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>: the table has no search fields.</exception>
    public static MemorySearch Of(string table, SearchFields fields, string text) =>
        fields.IsEmpty ? throw SearchQuery.NoFields(table) : new MemorySearch(SearchQuery.Parse(text, fields.Language), fields);

    /// <summary>How well a record matches; 0 when it does not.</summary>
    public double Score(JsonElement root)
    {
        var texts = fields.Fields.Select(f => JsonScalar.At(root, f).Value is string text ? SearchText.Words(text) : []).ToArray();
        if (query.Wanted.IsEmpty || query.Unwanted.Any(t => Score(t, texts) > 0))
            return 0;
        var scores = query.Wanted.Select(t => Score(t, texts)).ToArray();
        return scores.Min() <= 0 ? 0 : scores.Sum() / (1 + Math.Log(1 + texts.Sum(t => t.Count)));
    }

    private double Score(SearchTerm term, List<string>[] texts) => texts.Select((words, i) => Enumerable.Range(0, words.Count).Count(at => Fits(term, words, at)) * SearchFields.WeightOf(i)).Sum();

    private bool Fits(SearchTerm term, List<string> words, int at) =>
        term.IsWhole && at + term.Words.Length <= words.Count && term.Words.SequenceEqual(words.Skip(at).Take(term.Words.Length))
        || !term.IsWhole && words[at].StartsWith(term.Words[0], StringComparison.Ordinal)
        || term.Stem is { } stem && Stems.Of(words[at], fields.Language) == stem;
}

/// <summary>The search port of the memory engine.</summary>
internal sealed class MemorySearchIndex(MemoryRecords records) : ISearchIndex
{
    public async ValueTask<SearchPage> SearchAsync(SearchRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Limit, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(request.Offset);
        var search = MemorySearch.Of(request.Table, records.SearchOf(request.Table), request.Text);
        SearchQuery.Demand(request.Text, null);
        var matches = await records.QueryAsync(new RecordQuery { Tenant = request.Tenant, Table = request.Table, Filter = request.Filter, Search = request.Text, Limit = int.MaxValue }, cancellationToken);
        var hits = matches.Records.Select(r =>
        {
            using var json = JsonDocument.Parse(r.Json);
            return new SearchHit(r, search.Score(json.RootElement));
        }).OrderByDescending(h => h.Score);
        return new SearchPage([.. hits.Skip(request.Offset).Take(request.Limit)], request.Count ? matches.Records.Length : null);
    }
}
