namespace Nexus.Data.Sqlite;

/// <summary>Names and statements of declared indexes. The name carries the fields, so that SQLite's message of a violated one can be told in the author's words.</summary>
internal static class TableIndex
{
    private const string UniqueMark = "$unique$";
    private const string PlainMark = "$index$";

    public static string Name(string table, IndexDescriptor index) =>
        $"{table}{(index.Unique ? UniqueMark : PlainMark)}{string.Join(',', index.Fields)}";

    public static string CreateSql(string table, IndexDescriptor index)
    {
        var columns = string.Join(",", index.Fields.Select(f => Column(table, f)));
        return $"CREATE {(index.Unique ? "UNIQUE " : "")}INDEX \"{Name(table, index)}\" ON {TableSql.Of(table).Name} (tenant,{columns})";
    }

    /// <summary>The fields in a message such as <c>UNIQUE constraint failed: index 'crm.people$unique$email'</c>.</summary>
    public static string FieldsOfMessage(string message)
    {
        var start = message.IndexOf(UniqueMark, StringComparison.Ordinal);
        return start < 0 ? "a field" : message[(start + UniqueMark.Length)..].TrimEnd('\'').Replace(",", ", ", StringComparison.Ordinal);
    }

    /// <summary>The SQL expression that an index holds of a field.</summary>
    public static string Column(string table, string field) => Records.RecordColumns.Find(table, field) is null ? SqliteFilter.Extract(field) : field switch
    {
        "createdAt" => "created",
        "updatedAt" => "updated",
        _ => field,
    };
}
