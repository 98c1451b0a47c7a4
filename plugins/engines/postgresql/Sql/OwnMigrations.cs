using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Sql;

/// <summary>Runs migrations on a connection with an open transaction: the statements in the plugin's role, the record of them in the owner's, so that a plugin can read it and not write it.</summary>
internal static class OwnMigrations
{
    public const string Table = "nexus_migrations";

    /// <summary>Runs those that the database does not have yet.</summary>
    /// <exception cref="NexusException"><c>MIGRATION_FAILED</c>: a published one was edited or is missing, numbers have gaps, or a statement failed.</exception>
    public static async Task RunAsync(NpgsqlConnection connection, OwnDatabase database, ImmutableArray<SqlMigration> migrations)
    {
        for (var i = 0; i < migrations.Length; i++)
        {
            if (migrations[i].Version != i + 1)
                throw Failed(database.Plugin, migrations[i].Name, $"its version is {migrations[i].Version} where {i + 1} is due; versions count from 1 without gaps");
        }

        var published = await PublishedAsync(connection, database);
        foreach (var (version, name, checksum, _) in published)
        {
            if (version > migrations.Length)
                throw Failed(database.Plugin, name, $"version {version} has run on this database, but the plugin does not bring it; the plugin is older than its data");
            if (Checksum(migrations[version - 1].Sql) != checksum)
                throw Failed(database.Plugin, migrations[version - 1].Name, $"version {version} was edited after it had run here; restore its text and put the change into version {migrations.Length + 1}");
        }

        foreach (var migration in migrations.Skip(published.Count))
            await RunOneAsync(connection, database, migration);
    }

    /// <summary>Those that have run on a database, oldest first.</summary>
    public static async Task<List<(int Version, string Name, string Checksum, string Sql)>> PublishedAsync(NpgsqlConnection connection, OwnDatabase database)
    {
        await using var batch = connection.CreateBatch();
        batch.Add($"SELECT version,name,checksum,sql FROM {Names.Quote(database.Name)}.{Table} ORDER BY version");
        await using var reader = await batch.ExecuteReaderAsync();
        var published = new List<(int, string, string, string)>();
        while (await reader.ReadAsync())
            published.Add((reader.GetInt32(0), reader.GetString(1), reader.GetString(2), reader.GetString(3)));
        return published;
    }

    private static async Task RunOneAsync(NpgsqlConnection connection, OwnDatabase database, SqlMigration migration)
    {
        await using (var enter = connection.CreateBatch())
        {
            database.Enter(enter, isReading: false);
            await enter.ExecuteNonQueryAsync();
        }

        var number = 0;
        try
        {
            foreach (var statement in SqlText.Read(migration.Sql))
            {
                number++;
                SqlGuard.Check(statement);
                await connection.RunAsync(statement.Text);
            }
        }
        catch (Exception e) when (e is PostgresException or NexusException or InvalidOperationException)
        {
            throw Failed(database.Plugin, migration.Name, $"statement {number}: {(e as PostgresException)?.MessageText ?? e.Message}", e);
        }

        await connection.RunAsync("SELECT set_config('role','none',true)");
        await connection.RunAsync($"INSERT INTO {Names.Quote(database.Name)}.{Table} (version,name,checksum,sql) VALUES ($1,$2,$3,$4)", migration.Version, migration.Name, Checksum(migration.Sql), migration.Sql);
    }

    /// <summary>Line ends do not count: a check-out on Windows is not an edit.</summary>
    private static string Checksum(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql.Replace("\r\n", "\n", StringComparison.Ordinal))));

    private static NexusException Failed(string plugin, string name, string why, Exception? inner = null) =>
        new(ErrorCodes.MigrationFailed, $"Migration {name} of {plugin}: {why}. The data is as it was.", inner);
}
