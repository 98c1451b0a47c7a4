using System.Collections.Immutable;
using Nexus.Data.Search;
using Nexus.Data.Sql;

namespace Nexus.Data.Sqlite;

/// <summary>A begun schema change. New tables are made at once, since nobody that serves knows them; indexes of tables that serve are checked now and made by the commit.</summary>
internal sealed class TableChange(MainFile file, SchemaRequest request, SqlChange sql) : ISchemaChange
{
    private bool _ended;

    public ISqlDatabase Database => sql.Database;

    public static async ValueTask<ISchemaChange> BeginAsync(MainFile file, SqlFiles files, SchemaRequest request)
    {
        foreach (var table in request.Tables)
            Records.RecordColumns.CheckTable(table.Table);
        var sql = await SqlChange.BeginAsync(files, request.Plugin, request.MigrationsOf("sqlite"));
        try
        {
            await file.Writer.RunAsync(connection =>
            {
                foreach (var table in request.Tables)
                    Begin(connection, request.Plugin, table);
                file.LoadSearchable(connection);
                return true;
            });
            return new TableChange(file, request, sql);
        }
        catch
        {
            await sql.DisposeAsync();
            throw;
        }
    }

    public async ValueTask CommitAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        await file.Writer.RunAsync(connection =>
        {
            foreach (var table in request.Tables)
                BringForward(connection, request.Plugin, table);
            using var done = connection.Prepare("DELETE FROM nexus_pending WHERE plugin=?1");
            done.Bind(1, request.Plugin).Step();
            file.LoadSearchable(connection);
            return true;
        });
        sql.Commit();
        _ended = true;
    }

    public async ValueTask DisposeAsync()
    {
        if (_ended)
            return;
        _ended = true;
        await sql.DisposeAsync();
        await file.Writer.RunAsync(connection =>
        {
            foreach (var undo in Pending(connection, request.Plugin))
                connection.Execute(undo);
            using var done = connection.Prepare("DELETE FROM nexus_pending WHERE plugin=?1");
            done.Bind(1, request.Plugin).Step();
            file.LoadSearchable(connection);
            return true;
        });
    }

    private static void Begin(Connection connection, string plugin, ResourceDescriptor table)
    {
        if (Exists(connection, table.Table))
        {
            foreach (var index in table.Indexes.Where(i => i.Unique && !Exists(connection, TableIndex.Name(table.Table, i))))
                CheckUnique(connection, plugin, table.Table, index);
            return;
        }

        connection.Execute(TableSql.Of(table.Table).Create);
        foreach (var index in table.Indexes.DistinctBy(i => TableIndex.Name(table.Table, i)))
            connection.Execute(TableIndex.CreateSql(table.Table, index));
        PlannerStatistics.Describe(connection, table);
        SetSearch(connection, table);
        using var pending = connection.Prepare("INSERT INTO nexus_pending (plugin,undo) VALUES (?1,?2)");
        pending.Bind(1, plugin)
            .Bind(2, $"{SearchTables.DropSql(table.Table)} DROP TABLE {TableSql.Of(table.Table).Name}; DELETE FROM nexus_meta WHERE name='search:{table.Table}';")
            .Step();
    }

    private static void BringForward(Connection connection, string plugin, ResourceDescriptor table)
    {
        var wanted = table.Indexes.Select(i => TableIndex.Name(table.Table, i)).ToHashSet(StringComparer.Ordinal);
        foreach (var name in DeclaredIndexes(connection, table.Table).Where(n => !wanted.Contains(n)))
            connection.Execute($"DROP INDEX \"{name}\"");
        foreach (var index in table.Indexes.DistinctBy(i => TableIndex.Name(table.Table, i)).Where(i => !Exists(connection, TableIndex.Name(table.Table, i))))
        {
            CheckUnique(connection, plugin, table.Table, index);
            connection.Execute(TableIndex.CreateSql(table.Table, index));
        }

        PlannerStatistics.Describe(connection, table);
        SetSearch(connection, table);
    }

    private static void SetSearch(Connection connection, ResourceDescriptor table)
    {
        var search = SearchFields.Of(table);
        var wanted = search.IsEmpty ? null : search.ToJson();
        using (var current = connection.Prepare("SELECT value FROM nexus_meta WHERE name=?1"))
        {
            current.Bind(1, $"search:{table.Table}");
            if ((current.Step() ? current.Text(0) : null) == wanted)
                return;
        }

        connection.Execute(SearchTables.DropSql(table.Table));
        if (wanted is not null)
            connection.Execute(SearchTables.CreateSql(table.Table, search));
        using var put = connection.Prepare(wanted is null ? "DELETE FROM nexus_meta WHERE name=?1" : "INSERT INTO nexus_meta VALUES (?1,?2) ON CONFLICT (name) DO UPDATE SET value=?2");
        put.Bind(1, $"search:{table.Table}");
        if (wanted is not null)
            put.Bind(2, wanted);
        put.Step();
    }

    private static void CheckUnique(Connection connection, string plugin, string table, IndexDescriptor index)
    {
        if (!index.Unique)
            return;
        var fields = string.Join(",", index.Fields.Select(f => TableIndex.Column(table, f)));
        var present = string.Join(" AND ", index.Fields.Select(f => $"{TableIndex.Column(table, f)} IS NOT NULL"));
        if (connection.Scalar($"SELECT 1 FROM {TableSql.Of(table).Name} WHERE {present} GROUP BY tenant,{fields} HAVING count(*)>1 LIMIT 1") is not null)
            throw new NexusException(ErrorCodes.MigrationFailed, $"{plugin} declares {string.Join(", ", index.Fields)} of {table} unique, but stored records share values. Correct the records first; the data is as it was.");
    }

    private static bool Exists(Connection connection, string name)
    {
        using var statement = connection.Prepare("SELECT 1 FROM sqlite_master WHERE name=?1");
        return statement.Bind(1, name).Step();
    }

    private static List<string> DeclaredIndexes(Connection connection, string table)
    {
        using var statement = connection.Prepare("SELECT name FROM sqlite_master WHERE type='index' AND tbl_name=?1 AND sql IS NOT NULL");
        statement.Bind(1, table);
        var names = new List<string>();
        while (statement.Step())
            names.Add(statement.Text(0)!);
        return names;
    }

    private static List<string> Pending(Connection connection, string plugin)
    {
        using var statement = connection.Prepare("SELECT undo FROM nexus_pending WHERE plugin=?1 ORDER BY rowid DESC");
        statement.Bind(1, plugin);
        var undo = new List<string>();
        while (statement.Step())
            undo.Add(statement.Text(0)!);
        return undo;
    }
}
