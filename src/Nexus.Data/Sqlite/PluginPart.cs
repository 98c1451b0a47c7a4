using Nexus.Data.Records;

namespace Nexus.Data.Sqlite;

/// <summary>What a plugin has in the main file: removed and measured.</summary>
internal static class PluginPart
{
    /// <summary>Drops its tables and deletes its documents of all tenants, as one commit.</summary>
    public static Task<bool> DeleteAsync(MainFile file, string plugin, string documentRoot) => file.Writer.RunAsync(connection =>
    {
        foreach (var table in Tables(connection, plugin))
        {
            connection.Execute($"{SearchTables.DropSql(table)} DROP TABLE {TableSql.Of(table).Name};");
            using var search = connection.Prepare("DELETE FROM nexus_meta WHERE name=?1");
            search.Bind(1, $"search:{table}").Step();
        }

        // '0' follows '/': the range is everything below the root and nothing beside it.
        using var documents = connection.Prepare($"DELETE FROM {TableSql.Of(IStorage.Documents).Name} WHERE id>=?1 AND id<?2");
        documents.Bind(1, documentRoot + "/").Bind(2, documentRoot + "0").Step();
        using var tasks = connection.Prepare("DELETE FROM tasks WHERE plugin=?1");
        tasks.Bind(1, plugin).Step();
        file.LoadSearchable(connection);
        return true;
    });

    /// <summary>Bytes of its records and documents, of all tenants, and of its blobs.</summary>
    public static long Measure(Connection connection, string plugin, string documentRoot, CancellationToken cancellationToken)
    {
        var bytes = 0L;
        foreach (var table in Tables(connection, plugin))
        {
            cancellationToken.ThrowIfCancellationRequested();
            bytes += connection.Scalar($"SELECT coalesce(sum(length(CAST(json AS BLOB))),0) FROM {TableSql.Of(table).Name}") ?? 0;
        }

        using var rest = connection.Prepare($"""
            SELECT (SELECT coalesce(sum(length(CAST(json AS BLOB))),0) FROM {TableSql.Of(IStorage.Documents).Name} WHERE id>=?1 AND id<?2)
                 + (SELECT coalesce(sum(length),0) FROM blobs WHERE owner=?3 OR (owner>?3||'/' AND owner<?3||'0'))
            """);
        return rest.Bind(1, documentRoot + "/").Bind(2, documentRoot + "0").Bind(3, plugin).Step() ? bytes + rest.Integer(0) : bytes;
    }

    private static List<string> Tables(Connection connection, string plugin)
    {
        var tables = new List<string>();
        using var statement = connection.Prepare("SELECT name FROM sqlite_master WHERE type='table'");
        while (statement.Step())
        {
            // The tables of a search index are dropped with the table they index.
            if (statement.Text(0)! is var name && !name.Contains('$', StringComparison.Ordinal) && PluginTables.IsOf(plugin, name))
                tables.Add(name);
        }

        return tables;
    }
}
