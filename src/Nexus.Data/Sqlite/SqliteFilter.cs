using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Nexus.Data.Records;

namespace Nexus.Data.Sqlite;

/// <summary>Translates filters to SQL. Values are always parameters; the text depends on the filter's shape alone, so that equal shapes share a prepared statement. Gives the same sets as <see cref="FilterEvaluator"/>.</summary>
internal sealed class SqliteFilter(string table)
{
    private static readonly SearchValues<char> Unaddressable = SearchValues.Create("\"'\\[]\0\r\n");

    private readonly List<JsonScalar> _parameters = [];

    /// <summary>Parameters in the order of their numbers.</summary>
    public IReadOnlyList<JsonScalar> Parameters => _parameters;

    /// <summary>Adds a parameter and returns its name.</summary>
    public string Add(JsonScalar value)
    {
        _parameters.Add(value);
        return $"?{_parameters.Count}";
    }

    /// <summary>The SQL expression of a value as an index holds it and a comparison reads it.</summary>
    public static string Extract(string path) => $"json_extract(json,{JsonPath(path)})";

    /// <summary>The SQL condition of a filter; NULL counts as false.</summary>
    public string Translate(Filter filter) => filter switch
    {
        Filter.Compare compare => Compare(compare),
        Filter.Number number => Number(number),
        Filter.In list => In(list),
        Filter.And all => Join(all.Parts, " AND ", "1"),
        Filter.Or any => Join(any.Parts, " OR ", "0"),
        Filter.Not not => $"NOT IFNULL(({Translate(not.Part)}),0)",
        _ => throw new NexusException(ErrorCodes.FilterInvalid, $"Filters of type {filter.GetType().Name} are not known."),
    };

    /// <summary>The SQL expression by which a path sorts: composites with the nulls.</summary>
    public string SortExpression(string path, bool isDecimal = false) => isDecimal
        ? DecimalKey(path)
        : RecordColumns.Find(table, path) is not null ? OwnColumn(path) : $"CASE WHEN json_type(json,{JsonPath(path)}) IN ('object','array') THEN NULL ELSE {Extract(path)} END";

    private static string OwnColumn(string path) => path switch
    {
        "createdAt" => "created",
        "updatedAt" => "updated",
        _ => path,
    };

    private static string JsonPath(string path)
    {
        if (path.AsSpan().IndexOfAny(Unaddressable) >= 0)
            throw new NexusException(ErrorCodes.FilterInvalid, $"The path '{path}' has a character that no path may have.");
        return $"'$.\"{path.Replace(".", "\".\"", StringComparison.Ordinal)}\"'";
    }

    private string Compare(Filter.Compare compare)
    {
        if (compare.Operator == FilterOperator.NotEqual)
            return $"NOT IFNULL(({Compare(compare with { Operator = FilterOperator.Equal })}),0)";
        var column = RecordColumns.Find(table, compare.Path);
        var operand = column is { } kind ? RecordColumns.Operand(kind, compare.Path, compare.Value) : JsonScalar.From(compare.Value);
        if (operand.Kind is JsonScalarKind.Null or JsonScalarKind.Boolean)
            return compare.Operator == FilterOperator.Equal ? EqualsWord(compare.Path, column, operand) : "0";
        if (operand.Kind == JsonScalarKind.Composite)
            return "0";

        var isText = operand.Kind == JsonScalarKind.Text;
        if (column is not null && isText != (column == ColumnKind.Text))
            return "0";
        var value = column is null ? Extract(compare.Path) : OwnColumn(compare.Path);
        if (compare.Operator == FilterOperator.Prefix)
            return isText ? Guard(compare.Path, column, isText: true, Prefix(value, (string)operand.Value!)) : "0";
        return Guard(compare.Path, column, isText, $"{value}{Sign(compare.Operator)}{Add(operand)}");
    }

    private string Number(Filter.Number number) => number.Operator == FilterOperator.Prefix ? "0" : $"({DecimalKey(number.Path)}{Sign(number.Operator)}{Add(JsonScalar.From(DecimalText.OrderKey(number.Value)))})";

    private static string DecimalKey(string path) => $"CASE WHEN json_type(json,{JsonPath(path)})='text' THEN {Connection.DecimalFunction}({Extract(path)}) END";

    /// <summary>A comparison of values as all SQL writes it.</summary>
    public static string Sign(FilterOperator comparison) => comparison switch
    {
        FilterOperator.Equal => "=",
        FilterOperator.NotEqual => "<>",
        FilterOperator.Greater => ">",
        FilterOperator.GreaterOrEqual => ">=",
        FilterOperator.Less => "<",
        FilterOperator.LessOrEqual => "<=",
        _ => throw new NexusException(ErrorCodes.FilterInvalid, $"Comparison {comparison} is not known."),
    };

    private string In(Filter.In list)
    {
        var column = RecordColumns.Find(table, list.Path);
        var operands = list.Values.Select(v => column is { } kind ? RecordColumns.Operand(kind, list.Path, v) : JsonScalar.From(v)).ToList();
        var value = column is null ? Extract(list.Path) : OwnColumn(list.Path);
        var alternatives = new List<string>();
        var texts = operands.Where(o => o.Kind == JsonScalarKind.Text).ToList();
        var numbers = operands.Where(o => o.Kind is JsonScalarKind.Integer or JsonScalarKind.Real).ToList();
        if (texts.Count > 0 && column is null or ColumnKind.Text)
            alternatives.Add(Guard(list.Path, column, isText: true, $"{value} IN (SELECT value FROM json_each({Add(JsonScalar.From(ToJson(texts)))}))"));
        if (numbers.Count > 0 && column is null or ColumnKind.Number or ColumnKind.Instant)
            alternatives.Add(Guard(list.Path, column, isText: false, $"{value} IN (SELECT value FROM json_each({Add(JsonScalar.From(ToJson(numbers)))}))"));
        foreach (var word in operands.Where(o => o.Kind is JsonScalarKind.Null or JsonScalarKind.Boolean).Distinct())
            alternatives.Add(EqualsWord(list.Path, column, word));
        return alternatives.Count == 0 ? "0" : $"({string.Join(" OR ", alternatives)})";
    }

    private static string EqualsWord(string path, ColumnKind? column, JsonScalar operand)
    {
        if (column is not null)
            return operand.Kind == JsonScalarKind.Null ? $"{OwnColumn(path)} IS NULL" : "0";
        return operand.Kind == JsonScalarKind.Null
            ? $"IFNULL(json_type(json,{JsonPath(path)}),'null')='null'"
            : $"json_type(json,{JsonPath(path)})='{((bool)operand.Value! ? "true" : "false")}'";
    }

    /// <summary>JSON values of other kinds extract to look-alikes (true to 1, an object to its text): the kind must fit too.</summary>
    private static string Guard(string path, ColumnKind? column, bool isText, string condition) =>
        column is not null ? $"({condition})"
        : isText ? $"({condition} AND json_type(json,{JsonPath(path)})='text')"
        : $"({condition} AND json_type(json,{JsonPath(path)}) IN ('integer','real'))";

    private string Prefix(string value, string prefix)
    {
        if (prefix.Length == 0)
            return $"{value} IS NOT NULL";
        var lower = $"{value}>={Add(JsonScalar.From(prefix))}";
        return TextRange.AfterPrefix(prefix) is { } after ? $"{lower} AND {value}<{Add(JsonScalar.From(after))}" : lower;
    }

    private string Join(ImmutableArray<Filter> parts, string separator, string empty) =>
        parts.Length == 0 ? empty : $"({string.Join(separator, parts.Select(Translate))})";

    private static string ToJson(List<JsonScalar> values)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartArray();
            foreach (var value in values)
            {
                switch (value.Value)
                {
                    case string text: writer.WriteStringValue(text); break;
                    case long number: writer.WriteNumberValue(number); break;
                    case double number: writer.WriteNumberValue(number); break;
                }
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }
}
