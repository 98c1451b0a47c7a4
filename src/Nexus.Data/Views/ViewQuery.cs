using System.Collections.Immutable;
using System.Globalization;
using Nexus.Data.Records;

namespace Nexus.Data.Views;

/// <summary>One question to a view as SQL around its own query: a page by key set, and its count in the same statement, so that both are of one moment.</summary>
internal sealed class ViewQuery
{
    private readonly ViewDialect _dialect;
    private readonly ViewFilter _filter;
    private readonly ImmutableArray<Sorted> _sorts;
    private readonly Sorted[] _keys;

    public ViewQuery(ResourceDescriptor resource, ViewColumns columns, ISqlDatabase database, RecordQuery query, Cursor? cursor)
    {
        _dialect = ViewDialect.Of(database);
        _filter = new ViewFilter(columns, _dialect);
        _keys = [.. columns.Key.Select(k => new Sorted(k.Form, _dialect.Value(k), false, false))];
        _sorts = [.. query.Sort.SelectMany(s => Sorts(columns, s))];
        var from = $"FROM ({resource.View!.SqlIn(database.Dialect)}\n) AS v";
        var where = query.Filter is { } filter ? $" WHERE {_filter.Translate(filter)}" : "";
        var after = cursor is null ? where : $"{(where.Length == 0 ? " WHERE " : where + " AND ")}{After(columns, cursor)}";
        Sorted[] order = [.. _sorts, .. _keys];
        Columns = [.. resource.Fields.SelectMany(ViewColumns.Columns).Concat(Platform.Where(columns.Has)).Distinct(StringComparer.Ordinal)];
        var selected = Columns.Select(c => $"{ViewDialect.Name(c)} AS \"{c}\"").Concat(_sorts.Select((s, i) => $"{_dialect.Kept(s.Value, s.Form)} AS nexus_{i}"));
        // The count is of the statement's own moment, and is asked for once for all rows.
        CountSql = $"SELECT count(*) AS nexus_total {from}{where}";
        var total = query.Count ? $",({CountSql}) AS nexus_total" : "";
        Sql = $"SELECT {string.Join(",", selected)}{total} {from}{after} ORDER BY {string.Join(",", order.Select(s => _dialect.Order(s.Value, s.MayBeNull, s.Descending)))} LIMIT {_filter.Add(query.Limit + 1L)} OFFSET {_filter.Add((long)query.Offset)}";
    }

    /// <summary>Columns of the platform, where a query has them.</summary>
    public static ImmutableArray<string> Platform { get; } = ["id", "revision", "owner", "team", "created_at", "updated_at"];

    public string Sql { get; }

    /// <summary>The count alone.</summary>
    public string CountSql { get; }

    public IReadOnlyDictionary<string, object?> Parameters => _filter.Parameters;

    /// <summary>The columns of the query that are read.</summary>
    public ImmutableArray<string> Columns { get; }

    /// <summary>The sort values of a row, as a cursor keeps them.</summary>
    public ImmutableArray<JsonScalar> ValuesOf(SqlRow row) => [.. _sorts.Select((_, i) => Scalar(row[$"nexus_{i}"]))];

    private static JsonScalar Scalar(object? value) => value switch
    {
        null => JsonScalar.Null,
        long whole => JsonScalar.From(whole),
        double real => JsonScalar.From(real),
        bool flag => JsonScalar.From(flag ? 1L : 0L),
        decimal number when decimal.IsInteger(number) && number is >= long.MinValue and <= long.MaxValue => JsonScalar.From((long)number),
        _ => JsonScalar.From(Convert.ToString(value, CultureInfo.InvariantCulture)),
    };

    private IEnumerable<Sorted> Sorts(ViewColumns columns, SortKey key)
    {
        if (key.Field == "id")
            return _keys.Select(k => k with { Descending = key.Descending });
        var column = columns.Find(key.Field);
        column = key.Decimal ? column with { Form = ColumnForm.Decimal } : column;
        return [new(column.Form, _dialect.Value(column), key.Descending, column.MayBeNull)];
    }

    /// <summary>What comes after the cursor's row: greater in the first differing key. Nulls come first ascending and last descending.</summary>
    private string After(ViewColumns columns, Cursor cursor)
    {
        var alternatives = new List<string>();
        var equal = "";
        for (var i = 0; i < _sorts.Length; i++)
        {
            var (form, value, descending, _) = _sorts[i];
            if (cursor.Values[i].Value is not { } at)
            {
                if (!descending)
                    alternatives.Add($"({equal}{value} IS NOT NULL)");
                equal += $"{value} IS NULL AND ";
                continue;
            }

            var parameter = _dialect.Typed(_filter.Add(at), form);
            alternatives.Add(descending ? $"({equal}({value}<{parameter} OR {value} IS NULL))" : $"({equal}{value}>{parameter})");
            equal += $"{value}={parameter} AND ";
        }

        var last = columns.Split(cursor.Id)!;
        alternatives.Add($"({equal}({string.Join(",", _keys.Select(k => k.Value))})>({string.Join(",", _keys.Select((k, i) => _dialect.Typed(_filter.Add(last[i]), k.Form)))}))");
        return $"({string.Join(" OR ", alternatives)})";
    }

    private sealed record Sorted(ColumnForm Form, string Value, bool Descending, bool MayBeNull);
}
