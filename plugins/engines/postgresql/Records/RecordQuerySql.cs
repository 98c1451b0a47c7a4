using System.Collections.Immutable;
using System.Globalization;
using Nexus.Data.Records;
using Nexus.Data.Search;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Records;

/// <summary>One record query as SQL: a page by key set (so that inserts and deletes between pages neither repeat nor skip a record), and its count.</summary>
internal sealed class RecordQuerySql
{
    private readonly RecordFilter _filter;
    private readonly int _countParameters;

    public RecordQuerySql(RecordQuery query, Cursor? cursor, RecordTable table)
    {
        _filter = new RecordFilter(table);
        var where = new List<string> { $"tenant={_filter.Add(query.Tenant)}" };
        if (query.KeyPrefix is { Length: > 0 } prefix)
        {
            where.Add($"id>={_filter.Add(prefix)}");
            if (TextRange.AfterPrefix(prefix) is { } after)
                where.Add($"id<{_filter.Add(after)}");
        }

        if (!string.IsNullOrEmpty(query.Search))
            where.Add(Search(query, table));
        if (query.Filter is { } filter)
            where.Add(_filter.Translate(filter));

        var name = Names.Quote(query.Table);
        CountSql = $"SELECT count(*) FROM {name} WHERE {string.Join(" AND ", where)}";
        _countParameters = _filter.Count;
        Sorts = [.. query.Sort.Select(s => Term.Of(query.Table, s))];
        if (cursor is not null)
            where.Add(After(cursor));
        var select = string.Concat(Sorts.Select((s, i) => $",{s.Text ?? "NULL::text"} AS text{i},{(s.Number is null ? "NULL::text" : $"({s.Number})::text")} AS number{i}"));
        var order = string.Concat(Sorts.SelectMany(s => new[] { s.Text, s.Number }.OfType<string>().Select(e => $"{e}{(s.Descending ? " DESC NULLS LAST" : " NULLS FIRST")},")));
        PageSql = $"SELECT {RecordTable.Columns}{select} FROM {name} WHERE {string.Join(" AND ", where)} ORDER BY {order}id LIMIT {_filter.Add(query.Limit + 1L)} OFFSET {_filter.Add((long)query.Offset)}";
    }

    public string PageSql { get; }

    public string CountSql { get; }

    public ImmutableArray<Term> Sorts { get; }

    public void BindPage(NpgsqlBatchCommand command) => _filter.Bind(command, _filter.Count);

    public void BindCount(NpgsqlBatchCommand command) => _filter.Bind(command, _countParameters);

    /// <summary>A sort value of a row, as a cursor keeps it: a decimal as its text, since a double would not hold it.</summary>
    public static JsonScalar SortValue(Term term, string? text, string? number)
    {
        if (text is not null || number is null)
            return JsonScalar.From(text);
        if (term.IsDecimal)
            return JsonScalar.From(number);
        return long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? JsonScalar.From(whole) : JsonScalar.From(double.Parse(number, CultureInfo.InvariantCulture));
    }

    private string Search(RecordQuery query, RecordTable table)
    {
        if (table.Search.IsEmpty)
            throw SearchQuery.NoFields(query.Table);
        var asked = SearchQuery.Parse(query.Search!, table.Search.Language);
        return asked.Wanted.IsEmpty ? "false" : $"words @@ CAST({_filter.Add(SearchSql.Match(asked))} AS tsquery)";
    }

    /// <summary>What comes after the cursor's record: greater in the first differing key. Nulls come first ascending and last descending; numbers before texts.</summary>
    private string After(Cursor cursor)
    {
        var alternatives = new List<string>();
        var equal = "";
        for (var i = 0; i < Sorts.Length; i++)
        {
            var (greater, same) = Step(Sorts[i], cursor.Values[i]);
            if (greater is not null)
                alternatives.Add($"({equal}{greater})");
            equal += $"{same} AND ";
        }

        alternatives.Add($"({equal}id>{_filter.Add(cursor.Id)})");
        return $"({string.Join(" OR ", alternatives)})";
    }

    private (string? Greater, string Same) Step(Term sort, JsonScalar value)
    {
        var (text, number) = (sort.Text ?? "NULL::text", sort.Number ?? "NULL::numeric");
        if (value.Kind == JsonScalarKind.Null)
            return (sort.Descending ? null : $"({text} IS NOT NULL OR {number} IS NOT NULL)", $"{text} IS NULL AND {number} IS NULL");
        if (value.Kind == JsonScalarKind.Text && !sort.IsDecimal)
        {
            var parameter = _filter.Add((string)value.Value!);
            return (sort.Descending ? $"({text}<{parameter} OR {text} IS NULL)" : $"{text}>{parameter}", $"{text}={parameter}");
        }

        var operand = sort.IsDecimal ? $"CAST({_filter.Add((string)value.Value!)} AS numeric)" : _filter.AddNumber(value);
        return (sort.Descending ? $"({text} IS NULL AND ({number}<{operand} OR {number} IS NULL))" : $"({text} IS NOT NULL OR {number}>{operand})", $"{text} IS NULL AND {number}={operand}");
    }

    /// <summary>One sort key: by text, then by number, of which a value has at most one; so nulls come first, then numbers, then texts.</summary>
    internal sealed record Term(string? Text, string? Number, bool Descending, bool IsDecimal)
    {
        public static Term Of(string table, SortKey key)
        {
            if (key.Decimal)
                return new Term(null, FieldSql.Decimal(key.Field), key.Descending, true);
            return FieldSql.Own(table, key.Field) is not { } own
                ? new Term(FieldSql.Text(key.Field), FieldSql.Number(key.Field), key.Descending, false)
                : RecordColumns.Find(table, key.Field) == ColumnKind.Text ? new Term(own, null, key.Descending, false) : new Term(null, own, key.Descending, false);
        }
    }
}
