using System.Globalization;
using System.Text.Json;
using Nexus.Data.Records;
using Nexus.Data.Resources;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Views;

/// <summary>Translates filters on a view to SQL. Values are parameters only; the text depends on the filter's shape alone. Gives the same rows as <see cref="FilterEvaluator"/> would.</summary>
internal sealed class ViewFilter(ViewColumns columns, ViewDialect dialect)
{
    private const string Never = "FALSE";

    /// <summary>Values by the names in the text.</summary>
    public Dictionary<string, object?> Parameters { get; } = new(StringComparer.Ordinal);

    /// <summary>Adds a parameter and returns its name in SQL.</summary>
    public string Add(object? value)
    {
        var name = $"p{Parameters.Count}";
        Parameters[name] = value is string text ? Storable(text) : value;
        return "@" + name;
    }

    /// <summary>The condition of a filter.</summary>
    public string Translate(Filter filter) => filter switch
    {
        Filter.And all => Join(all.Parts, " AND ", "TRUE"),
        Filter.Or any => Join(any.Parts, " OR ", Never),
        Filter.Not not => Not(Translate(not.Part)),
        Filter.Compare { Operator: FilterOperator.NotEqual } compare => Not(Translate(compare with { Operator = FilterOperator.Equal })),
        Filter.Compare { Path: "id" } compare when columns.Key.Length > 1 => Id(compare),
        Filter.In { Path: "id" } list when columns.Key.Length > 1 => AmongIds(list),
        Filter.Compare compare => Compare(compare),
        Filter.Number number => Decimal(columns.Find(number.Path), number),
        Filter.In list => In(list),
        _ => throw new NexusException(ErrorCodes.FilterInvalid, $"Filters of type {filter.GetType().Name} are not known."),
    };

    /// <summary>The condition that a row has an id.</summary>
    public string Id(string id) => columns.Split(id) is not { } values ? Never
        : $"({string.Join(" AND ", columns.Key.Select((key, i) => $"{dialect.Value(key)}={dialect.Typed(Add(values[i]), key.Form)}"))})";

    /// <summary>PostgreSQL has no NUL in texts; no row has what was asked for with one.</summary>
    public static string Storable(string text) => text.Replace('\0', '\ufffd');

    private static string Not(string condition) => $"NOT COALESCE({condition},FALSE)";

    private string Id(Filter.Compare compare) => compare.Operator == FilterOperator.Equal
        ? compare.Value.ValueKind == JsonValueKind.String ? Id(compare.Value.GetString()!) : Never
        : throw new NexusException(ErrorCodes.FilterInvalid, "`id` is compared with $eq, $ne, $in only.");

    private string AmongIds(Filter.In list)
    {
        var keys = list.Values.Where(v => v.ValueKind == JsonValueKind.String).Select(v => columns.Split(v.GetString()!)).Where(k => k is not null);
        return dialect.AreAmong(columns.Key, Add(JsonSerializer.Serialize(keys)));
    }

    private string Compare(Filter.Compare compare)
    {
        var column = columns.Find(compare.Path);
        var value = dialect.Value(column);
        if (compare.Value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
            return compare.Operator == FilterOperator.Equal ? $"({value} IS NULL)" : Never;
        if (Operand(column.Form, compare.Path, compare.Value) is not { } operand)
            return Never;
        return compare.Operator == FilterOperator.Prefix
            ? Prefix(value, (string)operand)
            : $"({value}{SqliteFilter.Sign(compare.Operator)}{Held(operand, column.Form)})";
    }

    private string In(Filter.In list)
    {
        var column = columns.Find(list.Path);
        var value = dialect.Value(column);
        var operands = list.Values.Where(v => v.ValueKind != JsonValueKind.Null).Select(v => Operand(column.Form, list.Path, v)).Where(o => o is not null and not double.PositiveInfinity and not double.NegativeInfinity).ToList();
        var among = operands.Count == 0 ? Never : dialect.IsAmong(value, operands.Exists(o => o is double) ? ColumnForm.Real : column.Form, Add(JsonSerializer.Serialize(operands)));
        return list.Values.Any(v => v.ValueKind == JsonValueKind.Null) ? $"({among} OR {value} IS NULL)" : $"({among})";
    }

    private string Decimal(ViewColumn column, Filter.Number number) => number.Operator == FilterOperator.Prefix ? Never
        : $"({dialect.Value(column with { Form = ColumnForm.Decimal })}{SqliteFilter.Sign(number.Operator)}{dialect.Typed(Add(dialect.Decimal(number.Value)), ColumnForm.Decimal)})";

    private string Held(object operand, ColumnForm form) => dialect.Typed(Add(operand), operand is double ? ColumnForm.Real : form);

    /// <summary>A value as the column holds its own; null when nothing of the column can be compared with it.</summary>
    private object? Operand(ColumnForm form, string path, JsonElement value) => form switch
    {
        ColumnForm.Text => value.ValueKind == JsonValueKind.String ? Storable(value.GetString()!) : null,
        ColumnForm.Flag => value.ValueKind switch { JsonValueKind.True => 1L, JsonValueKind.False => 0L, _ => null },
        ColumnForm.Instant => RecordColumns.Operand(ColumnKind.Instant, path, value).Value as long?,
        ColumnForm.Decimal => value.ValueKind is JsonValueKind.Number or JsonValueKind.String && WireFormats.TryDecimal(value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText(), out var exact) ? dialect.Decimal(exact) : null,
        _ => value.ValueKind == JsonValueKind.Number ? JsonScalar.From(value).Value : null,
    };

    private string Prefix(string value, string prefix)
    {
        if (prefix.Length == 0)
            return $"({value} IS NOT NULL)";
        var lower = $"{value}>={dialect.Typed(Add(prefix), ColumnForm.Text)}";
        return TextRange.AfterPrefix(prefix) is { } after ? $"({lower} AND {value}<{dialect.Typed(Add(after), ColumnForm.Text)})" : $"({lower})";
    }

    private string Join(IReadOnlyCollection<Filter> parts, string separator, string empty) =>
        parts.Count == 0 ? empty : $"({string.Join(separator, parts.Select(Translate))})";
}
