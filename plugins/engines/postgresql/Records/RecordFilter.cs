using System.Collections.Immutable;
using System.Globalization;
using Nexus.Data.Records;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Records;

/// <summary>Translates filters to SQL. Values are always parameters; the text depends on the filter's shape alone, so that equal shapes share a prepared statement. Gives the same sets as <see cref="FilterEvaluator"/>.</summary>
internal sealed class RecordFilter(RecordTable table)
{
    private readonly List<(NpgsqlDbType Type, object? Value)> _parameters = [];

    public int Count => _parameters.Count;

    /// <summary>Adds a parameter and returns its name.</summary>
    public string Add(string? text) => Add(NpgsqlDbType.Text, text);

    public string Add(long number) => Add(NpgsqlDbType.Bigint, number);

    public string Add(NpgsqlDbType type, object? value)
    {
        _parameters.Add((type, value));
        return $"${_parameters.Count}";
    }

    /// <summary>A number as a parameter: by its text, which loses nothing.</summary>
    public string AddNumber(JsonScalar value) => $"CAST({Add(NumberText(value))} AS numeric)";

    /// <summary>Gives a statement the first parameters.</summary>
    public void Bind(NpgsqlBatchCommand command, int count)
    {
        foreach (var (type, value) in _parameters.Take(count))
            command.With(type, value);
    }

    public static string NumberText(JsonScalar value) => value.Value switch
    {
        long whole => whole.ToString(CultureInfo.InvariantCulture),
        double.PositiveInfinity => "Infinity",
        double.NegativeInfinity => "-Infinity",
        double real => real.ToString("R", CultureInfo.InvariantCulture),
        bool flag => flag ? "1" : "0",
        var other => throw new InvalidOperationException($"{other} is no number."),
    };

    /// <summary>The SQL condition of a filter; NULL counts as false.</summary>
    public string Translate(Filter filter) => filter switch
    {
        Filter.Compare compare => Compare(compare),
        Filter.Number number => Number(number),
        Filter.In list => In(list),
        Filter.And all => Join(all.Parts, " AND ", "true"),
        Filter.Or any => Join(any.Parts, " OR ", "false"),
        Filter.Not not => $"NOT coalesce(({Translate(not.Part)}),false)",
        _ => throw new NexusException(ErrorCodes.FilterInvalid, $"Filters of type {filter.GetType().Name} are not known."),
    };

    private string Compare(Filter.Compare compare)
    {
        if (compare.Operator == FilterOperator.NotEqual)
            return $"NOT coalesce(({Compare(compare with { Operator = FilterOperator.Equal })}),false)";
        var column = RecordColumns.Find(table.Name, compare.Path);
        var operand = column is { } kind ? RecordColumns.Operand(kind, compare.Path, compare.Value) : JsonScalar.From(compare.Value);
        if (operand.Kind is JsonScalarKind.Null or JsonScalarKind.Boolean)
            return compare.Operator == FilterOperator.Equal ? EqualsWord(compare.Path, column, operand) : "false";
        if (operand.Kind == JsonScalarKind.Composite)
            return "false";

        var isText = operand.Kind == JsonScalarKind.Text;
        if ((column is not null && isText != (column == ColumnKind.Text)) || (!isText && compare.Operator == FilterOperator.Prefix))
            return "false";
        if (column is null)
            return isText ? CompareText(compare, (string)operand.Value!) : CompareNumber(compare, operand);
        var own = FieldSql.Own(table.Name, compare.Path)!;
        return compare.Operator == FilterOperator.Prefix ? Prefix(own, (string)operand.Value!)
            : isText ? $"{own}{Sign(compare.Operator)}{Add(Storable((string)operand.Value!))}"
            : $"{own}{Sign(compare.Operator)}{AddNumber(operand)}";
    }

    private string CompareText(Filter.Compare compare, string operand)
    {
        var text = FieldSql.Text(compare.Path);
        if (compare.Operator == FilterOperator.Prefix)
            return Prefix(text, operand);
        if (compare.Operator == FilterOperator.Equal && table.HasKey(compare.Path))
            return $"{FieldSql.Key(compare.Path)}={Add("s" + Storable(operand))}";
        // A text has no number; saying so lets a lookup use the whole index.
        return $"({text}{Sign(compare.Operator)}{Add(Storable(operand))} AND {FieldSql.Number(compare.Path)} IS NULL)";
    }

    private string CompareNumber(Filter.Compare compare, JsonScalar operand) =>
        $"({FieldSql.Text(compare.Path)} IS NULL AND {FieldSql.Number(compare.Path)}{Sign(compare.Operator)}{AddNumber(operand)} AND jsonb_typeof({FieldSql.Json(compare.Path)})='number')";

    private string Number(Filter.Number number) => number.Operator == FilterOperator.Prefix
        ? "false"
        : $"({FieldSql.Decimal(number.Path)}{Sign(number.Operator)}CAST({Add(number.Value.ToString(CultureInfo.InvariantCulture))} AS numeric))";

    private static string Sign(FilterOperator comparison) => comparison switch
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
        var column = RecordColumns.Find(table.Name, list.Path);
        var operands = list.Values.Select(v => column is { } kind ? RecordColumns.Operand(kind, list.Path, v) : JsonScalar.From(v)).ToList();
        var texts = operands.Where(o => o.Kind == JsonScalarKind.Text).Select(o => Storable((string)o.Value!)).ToArray();
        var numbers = operands.Where(o => o.Kind is JsonScalarKind.Integer or JsonScalarKind.Real).Select(NumberText).ToArray();
        var alternatives = new List<string>();
        var own = FieldSql.Own(table.Name, list.Path);
        if (texts.Length > 0 && column is null && table.HasKey(list.Path))
            alternatives.Add($"{FieldSql.Key(list.Path)}=ANY({AddList([.. texts.Select(t => "s" + t)])})");
        else if (texts.Length > 0 && column is null)
            alternatives.Add($"({FieldSql.Text(list.Path)}=ANY({AddList(texts)}) AND {FieldSql.Number(list.Path)} IS NULL)");
        else if (texts.Length > 0 && column == ColumnKind.Text)
            alternatives.Add($"{own}=ANY({AddList(texts)})");
        if (numbers.Length > 0 && column is null)
            alternatives.Add($"({FieldSql.Text(list.Path)} IS NULL AND {FieldSql.Number(list.Path)}=ANY(CAST({AddList(numbers)} AS numeric[])) AND jsonb_typeof({FieldSql.Json(list.Path)})='number')");
        else if (numbers.Length > 0 && column is ColumnKind.Number or ColumnKind.Instant)
            alternatives.Add($"{own}=ANY(CAST({AddList(numbers)} AS numeric[]))");
        foreach (var word in operands.Where(o => o.Kind is JsonScalarKind.Null or JsonScalarKind.Boolean).Distinct())
            alternatives.Add(EqualsWord(list.Path, column, word));
        return alternatives.Count == 0 ? "false" : $"({string.Join(" OR ", alternatives)})";
    }

    private string AddList(string[] values) => Add(NpgsqlDbType.Array | NpgsqlDbType.Text, values);

    private string EqualsWord(string path, ColumnKind? column, JsonScalar operand)
    {
        if (column is not null)
            return operand.Kind == JsonScalarKind.Null ? $"{FieldSql.Own(table.Name, path)} IS NULL" : "false";
        return operand.Kind == JsonScalarKind.Null
            ? $"coalesce(jsonb_typeof({FieldSql.Json(path)}),'null')='null'"
            : $"{FieldSql.Json(path)}='{((bool)operand.Value! ? "true" : "false")}'::jsonb";
    }

    private string Prefix(string value, string prefix)
    {
        if (prefix.Length == 0)
            return $"{value} IS NOT NULL";
        prefix = Storable(prefix);
        var lower = $"{value}>={Add(prefix)}";
        return TextRange.AfterPrefix(prefix) is { } after ? $"({lower} AND {value}<{Add(after)})" : lower;
    }

    private string Join(ImmutableArray<Filter> parts, string separator, string empty) =>
        parts.Length == 0 ? empty : $"({string.Join(separator, parts.Select(Translate))})";

    /// <summary>PostgreSQL has no NUL in texts; what was read with one is held with the replacement character.</summary>
    private static string Storable(string text) => text.Replace('\0', '\ufffd');
}
