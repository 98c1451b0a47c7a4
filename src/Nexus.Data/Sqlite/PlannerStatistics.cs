namespace Nexus.Data.Sqlite;

/// <summary>
/// What the query planner is told of a record table. Without figures SQLite takes <c>tenant</c> for selective and answers an equality on an
/// indexed field by walking all records of the tenant. The figures are the shape of a large table of one tenant, not a count: measuring would
/// read every row, and on a small table any plan is fast. SQLite itself removes them with the table or index.
/// </summary>
internal static class PlannerStatistics
{
    /// <summary>Makes the table that holds figures, so that undoing a schema change leaves the schema as it was.</summary>
    public const string Schema = "ANALYZE sqlite_schema;";

    private const int Rows = 1_000_000;
    private const int RowsOfOneValue = 10;

    /// <summary>Gives figures to declared indexes of the table that have none. The caller's unit of work takes them along.</summary>
    public static void Describe(Connection connection, ResourceDescriptor table)
    {
        var bare = table.Indexes.DistinctBy(i => TableIndex.Name(table.Table, i)).Where(i => !IsDescribed(connection, table.Table, TableIndex.Name(table.Table, i))).ToArray();
        if (bare.Length == 0)
            return;
        if (!IsDescribed(connection, table.Table, table.Table))
            Put(connection, table.Table, table.Table, $"{Rows} {Rows} 1");
        foreach (var index in bare)
            Put(connection, table.Table, TableIndex.Name(table.Table, index), Figures(index));
        connection.Execute("ANALYZE sqlite_schema");
    }

    /// <summary>Rows in all, rows of a tenant, then rows that share the first field, the first two, and so on.</summary>
    private static string Figures(IndexDescriptor index)
    {
        var shared = index.Fields.Select((_, i) => index.Unique && i == index.Fields.Length - 1 ? 1 : Math.Max(2, RowsOfOneValue - i));
        return $"{Rows} {Rows} {string.Join(' ', shared)}";
    }

    private static bool IsDescribed(Connection connection, string table, string index)
    {
        using var statement = connection.Prepare("SELECT 1 FROM sqlite_stat1 WHERE tbl=?1 AND idx=?2");
        return statement.Bind(1, table).Bind(2, index).Step();
    }

    private static void Put(Connection connection, string table, string index, string figures)
    {
        using var statement = connection.Prepare("INSERT INTO sqlite_stat1 (tbl,idx,stat) VALUES (?1,?2,?3)");
        statement.Bind(1, table).Bind(2, index).Bind(3, figures).Step();
    }
}
