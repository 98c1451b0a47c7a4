using System.Collections.Immutable;
using System.Data;
using System.Text;
using Nexus.Data.Records;
using Nexus.Engines.PostgreSql.Commits;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Records;

/// <summary>Records in tables, one a resource.</summary>
internal sealed class PostgreSqlRecords(Server server, TableCatalog catalog, CommitWriter writer, Reads reads) : IStorage
{
    private const int SortColumn = 8;

    public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var write in batch.Writes)
            RecordColumns.CheckKey(write.Key);
        return new ValueTask<CommitResult>(writer.CommitAsync(batch));
    }

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken)
    {
        RecordColumns.CheckKey(key);
        return reads.RunAsync<StoredRecord?>(key.Tenant, batch => batch.Add($"SELECT {RecordTable.Columns} FROM {Names.Quote(key.Table)} WHERE tenant=$1 AND id=$2").With(key.Tenant).With(key.Id),
            async reader => await reader.ReadAsync(cancellationToken) ? Read(reader) : null, null, cancellationToken);
    }

    public async ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        RecordColumns.CheckTable(query.Table);
        ArgumentOutOfRangeException.ThrowIfLessThan(query.Limit, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(query.Offset);
        var cursor = query.Cursor is { } text ? Cursor.Read(server.CursorSecret, query, text) : null;
        var plan = new RecordQuerySql(query, cursor, catalog.Find(query.Table));
        var empty = new RecordPage([], null, query.Count ? 0 : null);
        return await reads.RunAsync(query.Tenant, batch =>
        {
            plan.BindPage(batch.Add(plan.PageSql));
            if (query.Count)
                plan.BindCount(batch.Add(plan.CountSql));
        }, async reader =>
        {
            var (records, next) = await ReadPageAsync(reader, query, plan, cancellationToken);
            if (!query.Count)
                return new RecordPage(records, next);
            await reader.NextResultAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            return new RecordPage(records, next, reader.GetInt64(0));
        }, empty, cancellationToken, isOneMoment: query.Count);
    }

    public static StoredRecord Read(NpgsqlDataReader reader) => new()
    {
        Id = reader.GetString(0),
        Revision = reader.GetInt64(1),
        Owner = reader.TextOrNull(2),
        Team = reader.TextOrNull(3),
        CreatedAt = RecordColumns.FromMicroseconds(reader.GetInt64(4)),
        UpdatedAt = RecordColumns.FromMicroseconds(reader.GetInt64(5)),
        SchemaVersion = reader.GetInt32(6),
        Json = reader.GetFieldValue<byte[]>(7),
    };

    private async ValueTask<(ImmutableArray<StoredRecord> Records, string? Next)> ReadPageAsync(NpgsqlDataReader reader, RecordQuery query, RecordQuerySql plan, CancellationToken cancellationToken)
    {
        var records = ImmutableArray.CreateBuilder<StoredRecord>();
        var values = ImmutableArray<JsonScalar>.Empty;
        string? next = null;
        while (await reader.ReadAsync(cancellationToken))
        {
            if (records.Count == query.Limit)
            {
                next = new Cursor(values, records[^1].Id).Write(server.CursorSecret, query);
                break;
            }

            records.Add(Read(reader));
            if (records.Count == query.Limit)
                values = [.. plan.Sorts.Select((s, i) => RecordQuerySql.SortValue(s, reader.TextOrNull(SortColumn + (2 * i)), reader.TextOrNull(SortColumn + (2 * i) + 1)))];
        }

        return (records.DrainToImmutable(), next);
    }
}
