using System.Collections.Concurrent;

namespace Nexus.Data.Sqlite;

/// <summary>The fixed statements of one record table, made once so that the caches of prepared statements find them by reference.</summary>
internal sealed class TableSql
{
    public const string Columns = "id,revision,owner,team,created,updated,schema_version,json";

    private static readonly ConcurrentDictionary<string, TableSql> Known = new(StringComparer.Ordinal);

    private TableSql(string table)
    {
        Name = $"\"{table}\"";
        Find = $"SELECT revision,owner,team,created,updated,schema_version,json FROM {Name} WHERE tenant=?1 AND id=?2";
        Revision = $"SELECT revision FROM {Name} WHERE tenant=?1 AND id=?2";
        Insert = $"INSERT INTO {Name} (tenant,id,revision,owner,team,created,updated,schema_version,json) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)";
        Put = $"{Insert} ON CONFLICT (tenant,id) DO UPDATE SET revision=revision+1,owner=?4,team=?5,updated=?7,schema_version=?8,json=?9";
        Update = $"UPDATE {Name} SET revision=?3,owner=?4,team=?5,updated=?7,schema_version=?8,json=?9 WHERE tenant=?1 AND id=?2 AND revision=?10";
        Delete = $"DELETE FROM {Name} WHERE tenant=?1 AND id=?2";
        DeleteRevision = $"{Delete} AND revision=?3";
        Create = $"CREATE TABLE IF NOT EXISTS {Name} (tenant TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, owner TEXT, team TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL, schema_version INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (tenant,id)) WITHOUT ROWID";
    }

    /// <summary>The quoted name.</summary>
    public string Name { get; }

    public string Find { get; }

    public string Revision { get; }

    public string Insert { get; }

    public string Put { get; }

    public string Update { get; }

    public string Delete { get; }

    public string DeleteRevision { get; }

    public string Create { get; }

    /// <summary>The statements of a table whose name was checked.</summary>
    public static TableSql Of(string table) => Known.GetOrAdd(table, static name => new TableSql(name));
}
