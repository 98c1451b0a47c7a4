using System.Collections.Immutable;

namespace Nexus.Data.Sqlite;

/// <summary>The full-text index of a record table: an FTS5 table, a table that maps its row numbers to keys, and triggers that keep both in step.</summary>
internal static class SearchTables
{
    public static string Keys(string table) => $"\"{table}$keys\"";

    public static string Index(string table) => $"\"{table}$search\"";

    /// <summary>Statements that make the index and fill it with the rows that exist.</summary>
    public static string CreateSql(string table, ImmutableArray<string> fields)
    {
        var (name, keys, index) = (TableSql.Of(table).Name, Keys(table), Index(table));
        var columns = string.Join(",", fields.Select((_, i) => $"f{i}"));
        string Values(string row) => string.Join(",", fields.Select(f => SqliteFilter.Extract(f).Replace("(json,", $"({row}json,", StringComparison.Ordinal)));
        var number = $"(SELECT num FROM {keys} WHERE tenant=new.tenant AND id=new.id)";
        return $"""
            CREATE TABLE {keys} (num INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, UNIQUE (tenant,id));
            CREATE VIRTUAL TABLE {index} USING fts5({columns}, tokenize='unicode61 remove_diacritics 2');
            CREATE TRIGGER "{table}$insert" AFTER INSERT ON {name} BEGIN INSERT INTO {keys} (tenant,id) VALUES (new.tenant,new.id); INSERT INTO {index} (rowid,{columns}) VALUES ({number},{Values("new.")}); END;
            CREATE TRIGGER "{table}$update" AFTER UPDATE ON {name} BEGIN UPDATE {index} SET ({columns})=({Values("new.")}) WHERE rowid={number}; END;
            CREATE TRIGGER "{table}$delete" AFTER DELETE ON {name} BEGIN DELETE FROM {index} WHERE rowid=(SELECT num FROM {keys} WHERE tenant=old.tenant AND id=old.id); DELETE FROM {keys} WHERE tenant=old.tenant AND id=old.id; END;
            INSERT INTO {keys} (tenant,id) SELECT tenant,id FROM {name};
            INSERT INTO {index} (rowid,{columns}) SELECT k.num,{Values("t.")} FROM {name} t JOIN {keys} k ON k.tenant=t.tenant AND k.id=t.id;
            """;
    }

    /// <summary>Statements that remove the index.</summary>
    public static string DropSql(string table) =>
        $"""DROP TRIGGER IF EXISTS "{table}$insert"; DROP TRIGGER IF EXISTS "{table}$update"; DROP TRIGGER IF EXISTS "{table}$delete"; DROP TABLE IF EXISTS {Index(table)}; DROP TABLE IF EXISTS {Keys(table)};""";
}
