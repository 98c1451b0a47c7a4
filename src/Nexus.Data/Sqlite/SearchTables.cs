using System.Globalization;
using Nexus.Data.Search;

namespace Nexus.Data.Sqlite;

/// <summary>The full-text index of a record table: an FTS5 table with each field and, with a language, its stems; a table that maps its row numbers to keys; and triggers that keep both in step.</summary>
internal static class SearchTables
{
    public static string Keys(string table) => $"\"{table}$keys\"";

    public static string Index(string table) => $"\"{table}$search\"";

    /// <summary>Statements that make the index and fill it with the rows that exist.</summary>
    public static string CreateSql(string table, SearchFields search)
    {
        var (name, keys, index) = (TableSql.Of(table).Name, Keys(table), Index(table));
        var columns = string.Join(",", Columns(search).Select(c => c.Name));
        string Value(string path, string row) => SqliteFilter.Extract(path).Replace("(json,", $"({row}json,", StringComparison.Ordinal);
        string Values(string row) => string.Join(",", Columns(search).Select(c => c.IsStems ? $"{Connection.StemsFunction}({Value(search.Fields[c.Field], row)},'{search.Language}')" : Value(search.Fields[c.Field], row)));
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

    /// <summary>A query in the language of FTS5.</summary>
    public static string Match(SearchQuery query, SearchFields search)
    {
        var fields = $"{{{string.Join(' ', Columns(search).Where(c => !c.IsStems).Select(c => c.Name))}}}";
        var stems = $"{{{string.Join(' ', Columns(search).Where(c => c.IsStems).Select(c => c.Name))}}}";
        string Of(SearchTerm term)
        {
            var words = $"{fields} : \"{string.Join(' ', term.Words)}\"{(term.IsWhole ? "" : " *")}";
            return term.Stem is null ? $"({words})" : $"(({words}) OR ({stems} : \"{term.Stem}\"))";
        }

        return query.Unwanted.Aggregate(string.Join(" AND ", query.Wanted.Select(Of)), (all, none) => $"({all}) NOT {Of(none)}");
    }

    /// <summary>How well a row of the index matches; less is better.</summary>
    public static string Rank(string table, SearchFields search) =>
        $"bm25({Index(table)},{string.Join(",", Columns(search).Select(c => (10 * SearchFields.WeightOf(c.Field)).ToString("0.0", CultureInfo.InvariantCulture)))})";

    private static IEnumerable<(string Name, int Field, bool IsStems)> Columns(SearchFields search) =>
        search.Fields.Select((_, i) => ($"f{i}", i, false)).Concat(search.Language is null ? [] : search.Fields.Select((_, i) => ($"s{i}", i, true)));
}
