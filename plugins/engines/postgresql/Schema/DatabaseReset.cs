using Nexus.Engines.PostgreSql.Connections;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Schema;

/// <summary>Drops what the platform made in a database: its schema, the plugins' schemas, their roles. What others made there stays.</summary>
internal static class DatabaseReset
{
    /// <exception cref="NexusException"><c>CONFLICT</c>: nodes are connected.</exception>
    public static async Task RunAsync(DatabaseSettings settings, CancellationToken cancellationToken)
    {
        // A name of its own tells it from nodes; without a pool nothing of it stays behind.
        var address = new NpgsqlConnectionStringBuilder(settings.Connection.ConnectionString) { ApplicationName = "nexus db reset", Pooling = false, TargetSessionAttributes = null, MinPoolSize = 0 };
        try
        {
            await using var sources = new NpgsqlDataSourceBuilder(address.ConnectionString).BuildMultiHost();
            await using var source = sources.WithTargetSession(TargetSessionAttributes.Primary);
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            await using var unit = await connection.BeginTransactionAsync(cancellationToken);
            await connection.RunAsync("SELECT pg_advisory_xact_lock($1)", new Locks(settings.Schema).Setup);
            await CheckUnusedAsync(connection, settings, cancellationToken);
            if (await connection.ScalarAsync("SELECT 1 FROM pg_namespace WHERE nspname=$1", settings.Schema) is not null)
                await DropAsync(connection, settings, cancellationToken);
            await unit.CommitAsync(cancellationToken);
        }
        catch (Exception e) when (Failures.IsOurs(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Failures.Explain(e, settings.Address);
        }
    }

    private static async Task CheckUnusedAsync(NpgsqlConnection connection, DatabaseSettings settings, CancellationToken cancellationToken)
    {
        const int patience = 50;
        for (var i = 0; ; i++)
        {
            // The sessions of a node that has just stopped end a moment later.
            var sessions = Convert.ToInt64(await connection.ScalarAsync("SELECT count(*) FROM pg_stat_activity WHERE datname=current_database() AND application_name=$1 AND pid<>pg_backend_pid()", settings.Connection.ApplicationName!), System.Globalization.CultureInfo.InvariantCulture);
            if (sessions == 0)
                return;
            if (i == patience)
                throw new NexusException(ErrorCodes.Conflict, $"Nodes use {settings.Address}: {sessions} sessions of {settings.Connection.ApplicationName} are open. Stop all nodes first.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
            await connection.RunAsync("SELECT pg_stat_clear_snapshot()");
        }
    }

    private static async Task DropAsync(NpgsqlConnection connection, DatabaseSettings settings, CancellationToken cancellationToken)
    {
        var (schemas, roles) = (new List<string>(), new List<string>());
        var database = Convert.ToInt64(await connection.ScalarAsync("SELECT oid::bigint FROM pg_database WHERE datname=current_database()"), System.Globalization.CultureInfo.InvariantCulture);
        await using (var batch = connection.CreateBatch())
        {
            batch.Add("SELECT name FROM own_databases");
            // Roles belong to the whole server; those of this database have its number.
            batch.Add("SELECT rolname FROM pg_roles WHERE starts_with(rolname,$1)").With($"{settings.Schema}_{database}_");
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                schemas.Add(reader.GetString(0));
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                roles.Add(reader.GetString(0));
        }

        foreach (var schema in schemas.Append(settings.Schema))
            await PlatformSchema.RunAsync(connection, $"DROP SCHEMA IF EXISTS {Names.Quote(schema)} CASCADE");
        foreach (var role in roles)
            await PlatformSchema.RunAsync(connection, $"DROP OWNED BY {Names.Quote(role)}; DROP ROLE {Names.Quote(role)};");
    }
}
