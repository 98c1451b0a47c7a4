using System.Data;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Records;

/// <summary>Runs the reading statements of records: in one round trip, held to one tenant by the database itself.</summary>
internal sealed class Reads(Server server)
{
    private const int SlowPerMinute = 20;
    private readonly LogAllowance slow = new(SlowPerMinute, server.Time);

    /// <summary>Runs statements; a table that is not there yet gives <paramref name="missing"/>.</summary>
    /// <param name="tenant">Whose rows can be seen.</param>
    /// <param name="build">Adds the statements.</param>
    /// <param name="read">Reads the result of the first.</param>
    /// <param name="missing">Result without the table.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <param name="isOneMoment">All statements see the same snapshot.</param>
    public async ValueTask<T> RunAsync<T>(string tenant, Action<NpgsqlBatch> build, Func<NpgsqlDataReader, ValueTask<T>> read, T missing, CancellationToken cancellationToken, bool isOneMoment = false)
    {
        // What the platform and its handlers read must be all that was committed; a request may be answered by a standby.
        if (server.Standby is { } standby && CallContext.Current.Address is not null && await FromStandbyAsync(standby, tenant, build, read, isOneMoment, cancellationToken) is (true, var found))
            return found;
        try
        {
            return await server.UseAsync(connection => RunAsync(connection, tenant, build, read, isOneMoment, cancellationToken), cancellationToken);
        }
        catch (NexusException e) when (e.InnerException is { } inner && Failures.IsMissingTable(inner))
        {
            return missing;
        }
    }

    /// <summary>Reads from a standby that has come past the caller's own commits. Not done when it has not, or fails: the primary is asked then.</summary>
    private async ValueTask<(bool Done, T Result)> FromStandbyAsync<T>(NpgsqlDataSource standby, string tenant, Action<NpgsqlBatch> build, Func<NpgsqlDataReader, ValueTask<T>> read, bool isOneMoment, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await standby.OpenConnectionAsync(cancellationToken);
            var needed = server.Positions.Needed;
            if (needed != default)
            {
                if (await connection.ScalarAsync("SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn()>=CAST($1 AS pg_lsn)", needed.ToString()) is not true)
                    return (false, default!);
                server.Positions.Passed(needed);
            }

            return (true, await RunAsync(connection, tenant, build, read, isOneMoment, cancellationToken));
        }
        catch (Exception e) when (Failures.IsOurs(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            return (false, default!);
        }
    }

    private async ValueTask<T> RunAsync<T>(NpgsqlConnection connection, string tenant, Action<NpgsqlBatch> build, Func<NpgsqlDataReader, ValueTask<T>> read, bool isOneMoment, CancellationToken cancellationToken)
    {
        await using var moment = isOneMoment ? await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken) : null;
        await using var batch = connection.BatchFor(tenant, server.AppRole);
        build(batch);
        var started = server.Settings.SlowQuery is null ? 0 : Stopwatch.GetTimestamp();
        T result;
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            await reader.NextResultAsync(cancellationToken);
            result = await read(reader);
        }

        if (server.Settings.SlowQuery is { } limit && Stopwatch.GetElapsedTime(started) is var elapsed && elapsed >= limit && slow.TryTake(out var unwritten))
            await TellSlowAsync(connection, tenant, batch, (elapsed, unwritten), cancellationToken);
        return result;
    }

    /// <summary>Logs a slow statement with its plan. The plan is the server's estimate: running the statement again to measure it would make a slow server slower.</summary>
    private async Task TellSlowAsync(NpgsqlConnection connection, string tenant, NpgsqlBatch slow, (TimeSpan Elapsed, long Unwritten) told, CancellationToken cancellationToken)
    {
        var command = slow.BatchCommands[1];
        await using var batch = connection.BatchFor(tenant, server.AppRole);
        var explain = batch.Add("EXPLAIN " + command.CommandText);
        foreach (NpgsqlParameter parameter in command.Parameters)
            explain.Parameters.Add(parameter.Clone());
        var plan = new List<string>();
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                plan.Add(reader.GetString(0));
        }

        // Values may be secrets, so the log has the statement with its parameters' numbers, and the plan without filters' values.
        server.Log.LogWarning("database.slow_query {Milliseconds} {Statement} {Plan} ({Unwritten} others not written)", (long)told.Elapsed.TotalMilliseconds, command.CommandText, string.Join('\n', plan.Where(l => !l.Contains("Filter:", StringComparison.Ordinal) && !l.Contains("Cond:", StringComparison.Ordinal))), told.Unwritten);
    }
}
