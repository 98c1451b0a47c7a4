using System.Collections.Immutable;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Nexus.Engines.PostgreSql.Tasks;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Commits;

/// <summary>Applies one batch statement by statement on a connection with an open unit, and says precisely what stands in the way.</summary>
internal sealed class LoneCommit(Server server, CommitSql sql, TableCatalog catalog)
{
    /// <summary>Takes the commit lock and writes everything of the job. The caller commits.</summary>
    /// <returns>Position of the commit.</returns>
    /// <exception cref="StorageConflictException">A condition does not hold; the caller rolls back.</exception>
    public async Task<long> ApplyAsync(NpgsqlConnection connection, CommitJob job)
    {
        await using (var begin = connection.CreateBatch())
        {
            // The unit may be a plugin's until here.
            begin.Add("SELECT set_config('role',$1,true),set_config('search_path',$2,true)").With(server.AppRole).With(Names.Quote(server.Settings.Schema));
            sql.Lock(begin, job.Tenants);
            await begin.ExecuteNonQueryAsync();
        }

        foreach (var settlement in job.Batch.Settlements)
            await SettleAsync(connection, settlement, job.IsStrict);
        foreach (var settlement in job.Batch.TaskSettlements)
            await EndAsync(connection, settlement);
        foreach (var write in job.Batch.Writes)
            await WriteAsync(connection, write);
        await AddAsync(connection, job.Batch.Tasks);
        await using var rest = connection.CreateBatch();
        CommitSql.AddPositions(rest, 1);
        sql.AddEvents(rest, job.Batch.Events);
        CommitSql.AddAudit(rest, job.Audit);
        try
        {
            return (long)(await rest.ExecuteScalarAsync())!;
        }
        catch (PostgresException e) when (Failures.IsUniqueViolation(e) && job.Batch.Events.Length > 0)
        {
            var known = job.Batch.Events[0];
            throw new StorageConflictException(new RecordKey(known.Tenant, "events", known.Id.ToString()), 1);
        }
    }

    private async Task EndAsync(NpgsqlConnection connection, TaskSettlement settlement)
    {
        await using var batch = connection.CreateBatch();
        TaskSql.AddSettlements(batch, [settlement], server.Now);
        if (await batch.ExecuteScalarAsync() is null)
            throw new StorageConflictException(new RecordKey(CallContext.DefaultTenant, ITaskStore.Leases, settlement.Id.ToString()), 0);
    }

    private static async Task AddAsync(NpgsqlConnection connection, ImmutableArray<TaskEntry> tasks)
    {
        foreach (var task in tasks)
        {
            await using var batch = connection.CreateBatch();
            TaskSql.AddTasks(batch, [task]);
            try
            {
                await batch.ExecuteNonQueryAsync();
            }
            catch (PostgresException e) when (Failures.IsUniqueViolation(e) && e.ConstraintName == TaskSql.KeyIndex)
            {
                throw new StorageConflictException(new RecordKey(task.Tenant, ITaskStore.Keys, task.Key ?? ""), 1);
            }
        }
    }

    private async Task SettleAsync(NpgsqlConnection connection, DeliverySettlement settlement, bool isStrict)
    {
        await using var batch = connection.CreateBatch();
        sql.AddSettlements(batch, [settlement]);
        CommitSql.AddIsSettled(batch, settlement);
        await using var reader = await batch.ExecuteReaderAsync();
        if (await reader.ReadAsync() || !isStrict)
            return;
        await reader.NextResultAsync();
        if (!await reader.ReadAsync())
            throw new StorageConflictException(new RecordKey(CallContext.DefaultTenant, "deliveries", $"{settlement.EventId}/{settlement.Group}"), 0);
    }

    private async Task WriteAsync(NpgsqlConnection connection, RecordWrite write)
    {
        await using var batch = connection.CreateBatch();
        CommitSql.SetTenant(batch, write.Key.Tenant);
        batch.Add("SAVEPOINT write");
        var command = sql.Write(batch, write, skipsTaken: false);
        try
        {
            if (!(write.Record is null && write.ExpectedRevision == 0))
            {
                await batch.ExecuteNonQueryAsync();
                if (command.RecordsAffected > 0 || !CommitSql.MustChange(write))
                    return;
            }
            else if (await RevisionAsync(connection, write.Key) is 0)
            {
                return;
            }
        }
        catch (PostgresException e) when (Failures.IsUniqueViolation(e))
        {
            await connection.RunAsync("ROLLBACK TO write");
            var isKey = e.ConstraintName is null || !e.ConstraintName.StartsWith("unique_", StringComparison.Ordinal);
            throw isKey ? new StorageConflictException(write.Key, await RevisionAsync(connection, write.Key)) : new StorageConflictException(write.Key, 0, catalog.Find(write.Key.Table).FieldsOf(e.ConstraintName));
        }

        throw new StorageConflictException(write.Key, await RevisionAsync(connection, write.Key));
    }

    private static async Task<long> RevisionAsync(NpgsqlConnection connection, RecordKey key)
    {
        await using var batch = connection.CreateBatch();
        CommitSql.SetTenant(batch, key.Tenant);
        CommitSql.AddRevision(batch, key);
        await using var reader = await batch.ExecuteReaderAsync();
        await reader.NextResultAsync();
        return await reader.ReadAsync() ? reader.GetInt64(0) : 0;
    }
}
