using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Nexus.Data.Sqlite;
using SQLitePCL;

namespace Nexus.Data.Sql;

/// <summary>Runs migrations on the writing connection of a file, within its open unit of work.</summary>
internal static class SqlMigrations
{
    /// <summary>Runs those that the file does not have yet.</summary>
    /// <exception cref="NexusException"><c>MIGRATION_FAILED</c>: a published one was edited or is missing, numbers have gaps, or a statement failed.</exception>
    public static void Run(SqlFile file, string plugin, ImmutableArray<SqlMigration> migrations)
    {
        for (var i = 0; i < migrations.Length; i++)
        {
            if (migrations[i].Version != i + 1)
                throw Failed(plugin, migrations[i].Name, $"its version is {migrations[i].Version} where {i + 1} is due; versions count from 1 without gaps");
        }

        var published = Published(file.Writer);
        foreach (var (version, name, checksum, _) in published)
        {
            if (version > migrations.Length)
                throw Failed(plugin, name, $"version {version} has run on this database, but the plugin does not bring it; the plugin is older than its data");
            var migration = migrations[version - 1];
            if (Checksum(migration.Sql) != checksum)
                throw Failed(plugin, migration.Name, $"version {version} was edited after it had run here; restore its text and put the change into version {migrations.Length + 1}");
        }

        // Deferred, so that a migration may rebuild a table that others refer to.
        file.Writer.Execute("PRAGMA defer_foreign_keys=ON");
        foreach (var migration in migrations.Skip(published.Count))
            RunOne(file, plugin, migration);
    }

    /// <summary>Brings the file of another tenant to the state of the default tenant's.</summary>
    public static void Follow(SqlFile leader, SqlFile follower)
    {
        var migrations = leader.Read(Published).Select(p => new SqlMigration(p.Version, p.Name, p.Sql)).ToImmutableArray();
        follower.Writer.Run("BEGIN IMMEDIATE");
        try
        {
            Run(follower, Path.GetFileNameWithoutExtension(follower.Path), migrations);
            follower.Writer.Run("COMMIT");
        }
        catch
        {
            follower.Writer.RollbackIfOpen();
            throw;
        }
    }

    private static void RunOne(SqlFile file, string plugin, SqlMigration migration)
    {
        var (rest, number) = (migration.Sql, 0);
        try
        {
            while (!string.IsNullOrWhiteSpace(rest))
            {
                number++;
                using var guard = new SqlGuard(file.Writer);
                file.Writer.Check(raw.sqlite3_prepare_v2(file.Writer.Handle, rest, out var handle, out rest));
                using (handle)
                {
                    while (handle is { IsInvalid: false } && raw.sqlite3_step(handle) is var code && code != raw.SQLITE_DONE)
                        file.Writer.Check(code);
                }
            }
        }
        catch (SqliteFailure e)
        {
            throw Failed(plugin, migration.Name, $"statement {number}: {e.Message}", e);
        }

        using var record = file.Writer.Prepare("INSERT INTO nexus_migrations (version,name,checksum,sql) VALUES (?1,?2,?3,?4)");
        record.Bind(1, migration.Version).Bind(2, migration.Name).Bind(3, Checksum(migration.Sql)).Bind(4, migration.Sql);
        record.Step();
    }

    private static List<(int Version, string Name, string Checksum, string Sql)> Published(Connection connection)
    {
        using var statement = connection.Prepare("SELECT version,name,checksum,sql FROM nexus_migrations ORDER BY version");
        var published = new List<(int, string, string, string)>();
        while (statement.Step())
            published.Add(((int)statement.Integer(0), statement.Text(1)!, statement.Text(2)!, statement.Text(3)!));
        return published;
    }

    /// <summary>Line ends do not count: a check-out on Windows is not an edit.</summary>
    private static string Checksum(string sql) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql.Replace("\r\n", "\n", StringComparison.Ordinal))));

    private static NexusException Failed(string plugin, string name, string why, Exception? inner = null) =>
        new(ErrorCodes.MigrationFailed, $"Migration {name} of {plugin}: {why}. The data is as it was.", inner);
}
