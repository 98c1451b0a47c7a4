using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Search;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Schema;

/// <summary>What this node knows of the record tables. Read again after each change here, and when another node tells of one.</summary>
internal sealed class TableCatalog(Server server)
{
    private volatile ImmutableDictionary<string, RecordTable> _tables = ImmutableDictionary<string, RecordTable>.Empty;

    /// <summary>Called after tables changed here.</summary>
    public Action Changed { get; set; } = static () => { };

    public RecordTable Find(string table) => _tables.GetValueOrDefault(table) ?? new RecordTable(table, SearchFields.None, []);

    public bool Contains(string table) => _tables.ContainsKey(table);

    public ImmutableArray<string> Names => [.. _tables.Keys.Order(StringComparer.Ordinal)];

    public async Task LoadAsync(CancellationToken cancellationToken) => await server.UseAsync(async connection =>
    {
        await ReadAsync(connection, cancellationToken);
        return true;
    }, cancellationToken);

    /// <summary>Makes a table that a first write needs.</summary>
    public async Task MakeAsync(string table, CancellationToken cancellationToken)
    {
        await server.LockedAsync(server.Locks.Tables, async connection =>
        {
            await PlatformSchema.RunAsync(connection, RecordTable.CreateSql(table, server.Settings.Schema, server.AppRole));
            return true;
        }, cancellationToken);
        await LoadAsync(cancellationToken);
        Changed();
    }

    private async Task ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT name,search,indexes FROM record_tables");
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var tables = ImmutableDictionary.CreateBuilder<string, RecordTable>();
        while (await reader.ReadAsync(cancellationToken))
            tables[reader.GetString(0)] = new RecordTable(reader.GetString(0), SearchFields.Read(reader.GetString(1)), JsonSerializer.Deserialize<RecordIndex[]>(reader.GetString(2)) ?? []);
        _tables = tables.ToImmutable();
    }
}
