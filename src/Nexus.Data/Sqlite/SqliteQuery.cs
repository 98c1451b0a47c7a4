using System.Collections.Immutable;
using Nexus.Data.Records;
using Nexus.Data.Search;

namespace Nexus.Data.Sqlite;

/// <summary>One record query as SQL: a page by key set (so that inserts and deletes between pages neither repeat nor skip a record), and its count.</summary>
internal sealed class SqliteQuery
{
    private readonly SqliteFilter _filter;

    public SqliteQuery(RecordQuery query, Cursor? cursor, SearchFields search)
    {
        _filter = new SqliteFilter(query.Table);
        var table = TableSql.Of(query.Table);
        var where = new List<string> { $"tenant={_filter.Add(JsonScalar.From(query.Tenant))}" };
        if (query.KeyPrefix is { Length: > 0 } prefix)
        {
            where.Add($"id>={_filter.Add(JsonScalar.From(prefix))}");
            if (TextRange.AfterPrefix(prefix) is { } after)
                where.Add($"id<{_filter.Add(JsonScalar.From(after))}");
        }

        var found = string.IsNullOrEmpty(query.Search) ? null : Search(query, search);
        if (found is not null)
            where.Add($"id IN (SELECT id FROM {SearchTables.Keys(query.Table)} WHERE {where[0]} AND {found})");
        if (query.Filter is { } filter)
            where.Add(_filter.Translate(filter));

        // What a search alone finds is counted without the records.
        CountSql = $"SELECT count(*) FROM {(found is not null && where.Count == 2 ? $"{SearchTables.Keys(query.Table)} WHERE {where[0]} AND {found}" : $"{table.Name} WHERE {string.Join(" AND ", where)}")}";
        CountParameters = _filter.Parameters.Count;
        var sorts = query.Sort.Select(s => (Expression: _filter.SortExpression(s.Field, s.Decimal), s.Descending)).ToImmutableArray();
        if (cursor is not null)
            where.Add(After(sorts, cursor));
        var order = string.Concat(sorts.Select((s, i) => $"s{i}{(s.Descending ? " DESC" : "")},"));
        var keys = string.Concat(sorts.Select((s, i) => $",{s.Expression} AS s{i}"));
        var page = $"FROM {table.Name} WHERE {string.Join(" AND ", where)} ORDER BY {order}id LIMIT {_filter.Add(JsonScalar.From(query.Limit + 1L))} OFFSET {_filter.Add(JsonScalar.From((long)query.Offset))}";
        // Far down a sorted list the sorter carries every record before the page: it carries keys, and the records of the page alone are read.
        PageSql = sorts.IsEmpty || query.Offset == 0
            ? $"SELECT {TableSql.Columns}{keys} {page}"
            : $"WITH page AS MATERIALIZED (SELECT id AS page_id{keys} {page}) SELECT {TableSql.Columns}{string.Concat(sorts.Select((_, i) => $",s{i}"))} FROM page JOIN {table.Name} ON tenant=?1 AND id=page_id ORDER BY {order}id";
    }

    public string PageSql { get; }

    public string CountSql { get; }

    public int CountParameters { get; }

    public void Bind(Statement statement, int count)
    {
        for (var i = 0; i < count; i++)
            statement.Bind(i + 1, _filter.Parameters[i]);
    }

    public void Bind(Statement statement) => Bind(statement, _filter.Parameters.Count);

    /// <summary>The condition of a row of the index.</summary>
    private string Search(RecordQuery query, SearchFields search)
    {
        if (search.IsEmpty)
            throw SearchQuery.NoFields(query.Table);
        var asked = SearchQuery.Parse(query.Search!, search.Language);
        if (asked.Wanted.IsEmpty)
            return "0";
        var index = SearchTables.Index(query.Table);
        return $"num IN (SELECT rowid FROM {index} WHERE {index} MATCH {_filter.Add(JsonScalar.From(SearchTables.Match(asked, search)))})";
    }

    /// <summary>What comes after the cursor's record: greater in the first differing key. Nulls come first ascending and last descending.</summary>
    private string After(ImmutableArray<(string Expression, bool Descending)> sorts, Cursor cursor)
    {
        var id = _filter.Add(JsonScalar.From(cursor.Id));
        var alternatives = new List<string>();
        var equal = "";
        for (var i = 0; i < sorts.Length; i++)
        {
            var (expression, descending) = sorts[i];
            var value = cursor.Values[i];
            if (value.Kind == JsonScalarKind.Null)
            {
                if (!descending)
                    alternatives.Add($"({equal}{expression} IS NOT NULL)");
                equal += $"{expression} IS NULL AND ";
                continue;
            }

            var parameter = _filter.Add(value);
            alternatives.Add(descending ? $"({equal}({expression}<{parameter} OR {expression} IS NULL))" : $"({equal}{expression}>{parameter})");
            equal += $"{expression}={parameter} AND ";
        }

        alternatives.Add($"({equal}id>{id})");
        return $"({string.Join(" OR ", alternatives)})";
    }
}
