namespace Nexus.Data.Views;

/// <summary>How the SQL of an engine says what filters and sorts mean, so that every engine gives the same rows in the same order.</summary>
internal sealed class ViewDialect
{
    private static readonly ViewDialect OfSqlite = new(false), OfPostgreSql = new(true);

    private readonly bool _isPostgreSql;

    private ViewDialect(bool isPostgreSql) => _isPostgreSql = isPostgreSql;

    /// <summary>The dialect of a database.</summary>
    public static ViewDialect Of(ISqlDatabase database) => database.Dialect == "postgresql" ? OfPostgreSql : OfSqlite;

    /// <summary>The value of a column as comparisons read it.</summary>
    public string Value(ViewColumn column)
    {
        if (column.Name is null)
            return column.Form == ColumnForm.Whole ? "CAST(1 AS bigint)" : Typed("NULL", column.Form);
        var name = Name(column.Name);
        return column.Form switch
        {
            ColumnForm.Text => _isPostgreSql ? $"(CAST({name} AS text) COLLATE \"C\")" : name,
            ColumnForm.Real => _isPostgreSql ? $"CAST({name} AS double precision)" : name,
            ColumnForm.Decimal => _isPostgreSql ? $"(CASE WHEN CAST({name} AS text) ~ '^[+-]?[0-9]+([.][0-9]+)?$' THEN CAST({name} AS numeric) END)" : $"{Nexus.Data.Sqlite.Connection.DecimalFunction}({name})",
            ColumnForm.Flag => $"CAST({name} AS integer)",
            ColumnForm.Instant => _isPostgreSql ? $"CAST(EXTRACT(EPOCH FROM CAST({name} AS timestamptz)) * 1000000 AS bigint)" : $"{Nexus.Data.Sqlite.Connection.InstantFunction}({name})",
            _ => name,
        };
    }

    /// <summary>A column as it is selected.</summary>
    public static string Name(string column) => $"v.\"{column}\"";

    /// <summary>A parameter held against a column.</summary>
    public string Typed(string parameter, ColumnForm form) => _isPostgreSql ? $"CAST({parameter} AS {TypeOf(form)})" : parameter;

    /// <summary>The condition that a value is one of those of a JSON array.</summary>
    public string IsAmong(string value, ColumnForm form, string parameter) => _isPostgreSql
        ? $"{value}=ANY(ARRAY(SELECT CAST(e AS {TypeOf(form)}) FROM jsonb_array_elements_text(CAST({parameter} AS jsonb)) AS e))"
        : $"{value} IN (SELECT value FROM json_each({parameter}))";

    /// <summary>The condition that the values of several columns are together one of the arrays of a JSON array.</summary>
    public string AreAmong(ViewColumn[] columns, string parameter)
    {
        var values = string.Join(",", columns.Select(Value));
        return _isPostgreSql
            ? $"({values}) IN (SELECT {string.Join(",", columns.Select((c, i) => $"CAST(e->>{i} AS {TypeOf(c.Form)})"))} FROM jsonb_array_elements(CAST({parameter} AS jsonb)) AS e)"
            : $"({values}) IN (SELECT {string.Join(",", columns.Select((_, i) => $"json_extract(value,'$[{i}]')"))} FROM json_each({parameter}))";
    }

    /// <summary>A key of an order: nulls come first, and last in a descending one.</summary>
    public string Order(string value, bool mayBeNull, bool descending) =>
        $"{value}{(descending ? " DESC" : "")}{(_isPostgreSql && mayBeNull ? descending ? " NULLS LAST" : " NULLS FIRST" : "")}";

    /// <summary>A sort value as a cursor keeps it: numbers of any length by their text.</summary>
    public string Kept(string value, ColumnForm form) => _isPostgreSql && form == ColumnForm.Decimal ? $"CAST({value} AS text)" : value;

    /// <summary>The form in which a decimal is compared.</summary>
    public object Decimal(decimal value) => _isPostgreSql ? value.ToString(System.Globalization.CultureInfo.InvariantCulture) : DecimalText.OrderKey(value);

    private static string TypeOf(ColumnForm form) => form switch
    {
        ColumnForm.Whole or ColumnForm.Instant => "bigint",
        ColumnForm.Real => "double precision",
        ColumnForm.Decimal => "numeric",
        ColumnForm.Flag => "integer",
        _ => "text",
    };
}
