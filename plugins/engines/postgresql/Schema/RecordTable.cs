using Nexus.Data.Search;

namespace Nexus.Engines.PostgreSql.Schema;

/// <summary>What is declared of a record table.</summary>
/// <param name="Name">Its name, <c>{plugin}.{resource}</c> or <c>documents</c>.</param>
/// <param name="Search">Fields of the full-text index.</param>
/// <param name="Indexes">Declared indexes by their names in the database.</param>
internal sealed record RecordTable(string Name, SearchFields Search, IReadOnlyList<RecordIndex> Indexes)
{
    public const string Columns = "id,revision,owner,team,created,updated,schema_version,json";

    /// <summary>The fields of a violated unique index.</summary>
    public string FieldsOf(string? constraint) => Indexes.FirstOrDefault(i => i.Name == constraint) is { } index ? string.Join(", ", index.Fields) : "a field";

    /// <summary>Whether a unique index begins with the field: an equality then asks for its key.</summary>
    public bool HasKey(string path) => Indexes.Any(i => i.Unique && i.Fields[0] == path);

    /// <summary>Statements that make an empty table, held by row-level security: without the tenant of the unit of work nothing is seen and nothing is taken.</summary>
    public static string CreateSql(string name, string schema, string appRole)
    {
        var table = Names.Quote(name);
        return $"""
            CREATE TABLE IF NOT EXISTS {table} (tenant text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, revision bigint NOT NULL, owner text COLLATE "C", team text COLLATE "C", created bigint NOT NULL, updated bigint NOT NULL, schema_version integer NOT NULL, json text NOT NULL,
                body jsonb GENERATED ALWAYS AS ({Names.Quote(schema)}.json_body(json)) STORED, words tsvector, PRIMARY KEY (tenant,id));
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
            DROP POLICY IF EXISTS own_tenant ON {table};
            CREATE POLICY own_tenant ON {table} USING (tenant = current_setting('app.tenant', true) OR current_setting('app.tenant', true) = '*');
            INSERT INTO record_tables (name) VALUES ({Names.Literal(name)}) ON CONFLICT DO NOTHING;
            """ + (appRole == "none" ? "" : $"\nGRANT SELECT,INSERT,UPDATE,DELETE ON {table} TO {Names.Quote(appRole)};");
    }
}

/// <summary>A declared index.</summary>
internal sealed record RecordIndex(string Name, IReadOnlyList<string> Fields, bool Unique)
{
    public static RecordIndex Of(string table, IndexDescriptor index) =>
        new($"{(index.Unique ? "unique" : "index")}_{Names.Digest($"{table}/{string.Join(',', index.Fields)}")}", [.. index.Fields], index.Unique);

    public string CreateSql(string table) =>
        $"CREATE {(Unique ? "UNIQUE " : "")}INDEX IF NOT EXISTS {Names.Quote(Name)} ON {Names.Quote(table)} (tenant,{string.Join(",", Columns(table))})";

    /// <summary>What the index holds. A unique one holds one key a field, since a row with a NULL in it would never collide; a plain one holds text and number, by which comparisons and sorts go.</summary>
    public IEnumerable<string> Columns(string table) => Fields.SelectMany(f =>
        Records.FieldSql.Own(table, f) is { } own ? [own] : Unique ? [Records.FieldSql.Key(f)] : new[] { $"{Records.FieldSql.Text(f)} NULLS FIRST", $"{Records.FieldSql.Number(f)} NULLS FIRST" });
}
