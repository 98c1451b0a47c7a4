using System.Collections.Immutable;
using Nexus.Data.Records;
using Nexus.Data.Search;

namespace Nexus.Data.Sqlite;

/// <summary>Search by FTS5, best first.</summary>
internal sealed class SqliteSearch(MainFile file) : ISearchIndex
{
    private const int ScoreColumn = 8;

    public ValueTask<SearchPage> SearchAsync(SearchRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        RecordColumns.CheckTable(request.Table);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.Limit, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(request.Offset);
        var search = file.SearchOf(request.Table);
        if (search.IsEmpty)
            throw SearchQuery.NoFields(request.Table);
        var query = SearchQuery.Demand(request.Text, search.Language);
        return ValueTask.FromResult(file.Read((request, search, query), (connection, asked) =>
        {
            // One snapshot for hits and count.
            connection.Run("BEGIN");
            try
            {
                return Run(connection, asked.request, asked.search, SearchTables.Match(asked.query, asked.search), cancellationToken);
            }
            catch (SqliteFailure e) when (e.IsMissingTable)
            {
                // Dropped a moment ago.
                return new SearchPage([], asked.request.Count ? 0 : null);
            }
            finally
            {
                connection.RollbackIfOpen();
            }
        }));
    }

    private static SearchPage Run(Connection connection, SearchRequest request, SearchFields search, string match, CancellationToken cancellationToken)
    {
        var filter = new SqliteFilter(request.Table);
        var (tenant, text) = (filter.Add(JsonScalar.From(request.Tenant)), filter.Add(JsonScalar.From(match)));
        var (keys, index) = (SearchTables.Keys(request.Table), SearchTables.Index(request.Table));
        var where = $"tenant={tenant}{(request.Filter is { } asked ? $" AND {filter.Translate(asked)}" : "")}";
        string From(string score) => $"WITH hits AS MATERIALIZED (SELECT k.id AS hit{score} FROM {index} JOIN {keys} k ON k.num={index}.rowid WHERE {index} MATCH {text} AND k.tenant={tenant})";
        var count = filter.Parameters.Count;
        var countSql = $"{From("")} SELECT count(*) FROM hits JOIN {TableSql.Of(request.Table).Name} ON id=hit WHERE {where}";
        var (limit, offset) = (filter.Add(JsonScalar.From((long)request.Limit)), filter.Add(JsonScalar.From((long)request.Offset)));
        var pageSql = $"{From($",{SearchTables.Rank(request.Table, search)} AS score")} SELECT {TableSql.Columns},score FROM hits JOIN {TableSql.Of(request.Table).Name} ON id=hit WHERE {where} ORDER BY score,id LIMIT {limit} OFFSET {offset}";

        void Bind(Statement statement, int parameters)
        {
            for (var i = 0; i < parameters; i++)
                statement.Bind(i + 1, filter.Parameters[i]);
        }

        var hits = ImmutableArray.CreateBuilder<SearchHit>();
        using (var page = connection.Prepare(pageSql))
        {
            Bind(page, filter.Parameters.Count);
            while (page.Step())
            {
                cancellationToken.ThrowIfCancellationRequested();
                hits.Add(new SearchHit(SqliteRecords.ReadRecord(page, page.Text(0)!, firstColumn: 1), -(double)page.Scalar(ScoreColumn).Value!));
            }
        }

        if (!request.Count)
            return new SearchPage(hits.DrainToImmutable());
        using var all = connection.Prepare(countSql);
        Bind(all, count);
        all.Step();
        return new SearchPage(hits.DrainToImmutable(), all.Integer(0));
    }
}
