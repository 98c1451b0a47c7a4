using System.Collections.Immutable;
using System.Globalization;
using Nexus.Data.Records;
using Nexus.Data.Search;
using Nexus.Engines.PostgreSql.Commits;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Records;

/// <summary>One search as SQL: hits, best first, and their count.</summary>
internal sealed class SearchSql
{
    private const int ScoreColumn = 8;

    // In the order D, C, B, A. The server's own ways to take off for length take off so much that a long text with a word in its title loses to a short one.
    private static readonly string Weights = $"'{{{string.Join(',', Enumerable.Range(0, 4).Reverse().Select(i => SearchFields.WeightOf(i).ToString(CultureInfo.InvariantCulture)))}}}'";

    private readonly RecordFilter _filter;
    private readonly int _countParameters;
    private readonly string _countSql;
    private readonly string _pageSql;

    public SearchSql(SearchRequest request, RecordTable table)
    {
        var query = SearchQuery.Demand(request.Text, table.Search.Language);
        _filter = new RecordFilter(table);
        var (tenant, match) = (_filter.Add(request.Tenant), $"CAST({_filter.Add(Match(query))} AS tsquery)");
        var where = $"tenant={tenant} AND words @@ {match}{(request.Filter is { } asked ? $" AND {_filter.Translate(asked)}" : "")}";
        _countParameters = _filter.Count;
        _countSql = $"SELECT count(*) FROM {Names.Quote(request.Table)} WHERE {where}";
        _pageSql = $"SELECT {RecordTable.Columns},ts_rank({Weights},words,{match})/(4+ln(1+length(words))) AS score FROM {Names.Quote(request.Table)} WHERE {where} ORDER BY score DESC,id LIMIT {_filter.Add((long)request.Limit)} OFFSET {_filter.Add((long)request.Offset)}";
    }

    /// <summary>A query in the language of the server. The words are letters and digits, so none can end its quotes.</summary>
    public static string Match(SearchQuery query) =>
        string.Join(" & ", query.Wanted.Select(Of).Concat(query.Unwanted.Select(t => $"!{Of(t)}")));

    public void AddPage(NpgsqlBatch batch) => AddTo(batch, _pageSql, _filter.Count);

    public void AddCount(NpgsqlBatch batch) => AddTo(batch, _countSql, _countParameters);

    public static async ValueTask<SearchPage> ReadAsync(NpgsqlDataReader reader, bool isCounted, CancellationToken cancellationToken)
    {
        var hits = ImmutableArray.CreateBuilder<SearchHit>();
        while (await reader.ReadAsync(cancellationToken))
            hits.Add(new SearchHit(PostgreSqlRecords.Read(reader), reader.GetDouble(ScoreColumn)));
        if (!isCounted)
            return new SearchPage(hits.DrainToImmutable());
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new SearchPage(hits.DrainToImmutable(), reader.GetInt64(0));
    }

    private static string Of(SearchTerm term)
    {
        var words = term.IsWhole ? string.Join(" <-> ", term.Words.Select(w => $"'{w}'")) : $"'{term.Words[0]}':*";
        return term.Stem is null ? $"({words})" : $"({words} | '{SearchWords.Stem}{term.Stem}')";
    }

    private void AddTo(NpgsqlBatch batch, string sql, int parameters) => _filter.Bind(batch.Add(sql), parameters);
}

/// <summary>The search port: words and their places are in the row, so what is committed is found.</summary>
internal sealed class PostgreSqlSearch(TableCatalog catalog, Reads reads) : ISearchIndex
{
    public ValueTask<SearchPage> SearchAsync(SearchRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        RecordColumns.CheckTable(request.Table);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Limit, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(request.Offset);
        var table = catalog.Find(request.Table);
        if (table.Search.IsEmpty)
            throw SearchQuery.NoFields(request.Table);
        var plan = new SearchSql(request, table);
        return reads.RunAsync(request.Tenant, batch =>
        {
            plan.AddPage(batch);
            if (request.Count)
                plan.AddCount(batch);
        }, reader => SearchSql.ReadAsync(reader, request.Count, cancellationToken), new SearchPage([], request.Count ? 0 : null), cancellationToken, isOneMoment: request.Count);
    }
}
