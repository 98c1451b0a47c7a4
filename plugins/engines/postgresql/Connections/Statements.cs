using Npgsql;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Connections;

/// <summary>Short ways to build statements with numbered parameters.</summary>
internal static class Statements
{
    /// <summary>Adds a statement to a batch.</summary>
    public static NpgsqlBatchCommand Add(this NpgsqlBatch batch, string sql)
    {
        var command = new NpgsqlBatchCommand(sql);
        batch.BatchCommands.Add(command);
        return command;
    }

    public static NpgsqlBatchCommand With(this NpgsqlBatchCommand command, string? value) => command.With(NpgsqlDbType.Text, value);

    public static NpgsqlBatchCommand With(this NpgsqlBatchCommand command, long? value) => command.With(NpgsqlDbType.Bigint, value);

    public static NpgsqlBatchCommand With(this NpgsqlBatchCommand command, int value) => command.With(NpgsqlDbType.Integer, value);

    public static NpgsqlBatchCommand With(this NpgsqlBatchCommand command, byte[]? value) => command.With(NpgsqlDbType.Bytea, value);

    public static NpgsqlBatchCommand With(this NpgsqlBatchCommand command, Guid value) => command.With(NpgsqlDbType.Uuid, value);

    public static NpgsqlBatchCommand With(this NpgsqlBatchCommand command, string?[]? values) => command.With(NpgsqlDbType.Array | NpgsqlDbType.Text, values);

    public static NpgsqlBatchCommand With(this NpgsqlBatchCommand command, NpgsqlDbType type, object? value)
    {
        command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value, NpgsqlDbType = type });
        return command;
    }

    /// <summary>Begins a batch whose first statement says whose rows it may see and as which role it runs, for this unit of work alone.</summary>
    public static NpgsqlBatch BatchFor(this NpgsqlConnection connection, string tenant, string role)
    {
        var batch = connection.CreateBatch();
        if (tenant is CallContext.DefaultTenant)
            batch.Add("SELECT set_config('app.tenant',$1,true),set_config('role',$2,true)").With(tenant).With(role);
        else
            batch.Add("SELECT set_config('app.tenant',$1,true),tenants_here(ARRAY[$1],2),set_config('role',$2,true)").With(tenant).With(role);
        return batch;
    }

    /// <summary>Fails where the database is not the tenant's to read; with <paramref name="isOpen"/> also while it is closed for its move.</summary>
    public static async ValueTask CheckReadableAsync(this NpgsqlConnection connection, string? tenant, bool isOpen = false)
    {
        if (tenant is not (null or CallContext.DefaultTenant))
            await connection.ScalarAsync("SELECT tenants_here(ARRAY[$1],$2)", tenant, isOpen ? 1 : 2);
    }

    /// <summary>Fails where the database is not the tenant's to write, and keeps it so to the end of the open unit.</summary>
    public static async ValueTask CheckWritableAsync(this NpgsqlConnection connection, string? tenant, Locks locks)
    {
        if (tenant is not (null or CallContext.DefaultTenant))
            await connection.ScalarAsync("SELECT pg_advisory_xact_lock_shared($1),tenants_here(ARRAY[$2],1)", locks.Tenant(tenant), tenant);
    }

    /// <summary>Runs one statement.</summary>
    public static async Task<int> RunAsync(this NpgsqlConnection connection, string sql, params object?[] values)
    {
        await using var batch = connection.CreateBatch();
        batch.Add(sql).WithAll(values);
        return await batch.ExecuteNonQueryAsync();
    }

    /// <summary>The first column of the first row, or null.</summary>
    public static async Task<object?> ScalarAsync(this NpgsqlConnection connection, string sql, params object?[] values)
    {
        await using var batch = connection.CreateBatch();
        batch.Add(sql).WithAll(values);
        return await batch.ExecuteScalarAsync() is var found && found is DBNull ? null : found;
    }

    public static string? TextOrNull(this NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    public static long? LongOrNull(this NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);

    public static NpgsqlBatchCommand WithAll(this NpgsqlBatchCommand command, IEnumerable<object?> values)
    {
        foreach (var value in values)
        {
            command.Parameters.Add(value switch
            {
                null => new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
                string text => new NpgsqlParameter { Value = text, NpgsqlDbType = NpgsqlDbType.Text },
                _ => new NpgsqlParameter { Value = value },
            });
        }

        return command;
    }
}
