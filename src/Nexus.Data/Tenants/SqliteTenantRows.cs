using System.Collections.Immutable;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Tenants;

/// <summary>A tenant in the main file.</summary>
internal sealed class SqliteTenantRows(MainFile file) : ITenantRows
{
    public void Read(string tenant, Action<string?, StoredRecord?, EventMessage?> visit) => file.Read((tenant, visit), static (connection, state) =>
    {
        connection.Run("BEGIN");
        try
        {
            foreach (var table in Tables(connection).Where(t => t != IStorage.Answers))
            {
                using var rows = connection.Prepare($"SELECT {TableSql.Columns} FROM {TableSql.Of(table).Name} WHERE tenant=?1 ORDER BY id");
                rows.Bind(1, state.tenant);
                while (rows.Step())
                    state.visit(table, SqliteRecords.ReadRecord(rows, rows.Text(0)!, firstColumn: 1), null);
            }

            using var events = connection.Prepare($"SELECT {EventTables.MessageColumns} FROM events e WHERE e.tenant=?1 ORDER BY e.seq");
            events.Bind(1, state.tenant);
            while (events.Step())
                state.visit(null, null, EventTables.ReadMessage(events, 0));
            return true;
        }
        finally
        {
            connection.RollbackIfOpen();
        }
    });

    public ImmutableArray<string> Tables(string tenant) => file.Read(tenant, static (connection, of) =>
    {
        var found = ImmutableArray.CreateBuilder<string>();
        foreach (var table in Tables(connection).Where(t => t != IStorage.Answers))
        {
            using var any = connection.Prepare($"SELECT 1 FROM {TableSql.Of(table).Name} WHERE tenant=?1 LIMIT 1");
            any.Bind(1, of);
            if (any.Step())
                found.Add(table);
        }

        return found.ToImmutable();
    });

    public async ValueTask<(ImmutableSortedDictionary<string, long> Records, long Events)> DeleteAsync(string tenant) => await file.Writer.RunAsync(connection =>
    {
        var counts = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (var table in Tables(connection))
        {
            if (Delete(connection, $"DELETE FROM {TableSql.Of(table).Name} WHERE tenant=?1", tenant) is > 0 and var deleted && table != IStorage.Answers)
                counts[table] = deleted;
        }

        Delete(connection, "DELETE FROM tasks WHERE tenant=?1", tenant);
        Delete(connection, "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM events WHERE tenant=?1)", tenant);
        return (counts.ToImmutable(), Delete(connection, "DELETE FROM events WHERE tenant=?1", tenant));
    });

    private static long Delete(Connection connection, string sql, string tenant)
    {
        using var statement = connection.Prepare(sql);
        statement.Bind(1, tenant).Step();
        return connection.Changes;
    }

    /// <summary>The tables of records: those with the columns that <see cref="TableSql"/> gives one.</summary>
    private static List<string> Tables(Connection connection)
    {
        var tables = new List<string>();
        using var statement = connection.Prepare("SELECT m.name FROM sqlite_master m WHERE m.type='table' AND (SELECT count(*) FROM pragma_table_info(m.name) c WHERE c.name IN ('tenant','schema_version','json'))=3 ORDER BY m.name");
        while (statement.Step())
            tables.Add(statement.Text(0)!);
        return tables;
    }
}
