using System.Collections.Concurrent;
using System.Collections.Immutable;
using Nexus.Engines.PostgreSql.Commits;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Events;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Sql;

/// <summary>The plugins' own databases: schema <c>plugin.{id}</c>, and <c>plugin.{id}@{tenant}</c> for further tenants.</summary>
internal sealed class OwnDatabases(Server server, CommitWriter records, Wakeups wakeups) : ISqlDatabases
{
    private readonly ConcurrentDictionary<(string Plugin, string Tenant), OwnDatabase> _open = new();
    private volatile ImmutableHashSet<(string Plugin, string Tenant)> _existing = [];

    public ISqlDatabase Get(string plugin, string tenant) => Open(plugin, tenant);

    public bool Exists(string plugin, string tenant) => _existing.Contains((plugin, tenant));

    public OwnDatabase Open(string plugin, string tenant) => _open.GetOrAdd((plugin, tenant), key => new OwnDatabase(server, records, wakeups, key.Plugin, key.Tenant, MakeAsync));

    /// <summary>Reads again which there are.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken) =>
        _existing = [.. await server.UseAsync(connection => ListAsync(connection, null, null), cancellationToken)];

    /// <summary>The plugin's databases that exist, the default tenant's first; that one is made.</summary>
    public async Task<ImmutableArray<OwnDatabase>> AllAsync(string plugin, CancellationToken cancellationToken)
    {
        var first = Open(plugin, CallContext.DefaultTenant);
        await first.EnsureAsync();
        var others = (await server.UseAsync(connection => ListAsync(connection, plugin, null), cancellationToken)).Select(d => d.Tenant).Where(t => t != CallContext.DefaultTenant);
        return [first, .. others.Order(StringComparer.Ordinal).Select(t => Open(plugin, t))];
    }

    /// <summary>Plugins that have a database of the tenant, sorted.</summary>
    public async Task<ImmutableArray<string>> OfTenantAsync(string tenant, CancellationToken cancellationToken) =>
        [.. (await server.UseAsync(connection => ListAsync(connection, null, tenant), cancellationToken)).Select(d => d.Plugin).Order(StringComparer.Ordinal)];

    /// <summary>Deletes the databases of a plugin, or of a tenant, with their roles.</summary>
    public async Task DeleteAsync(string? plugin, string? tenant, CancellationToken cancellationToken)
    {
        foreach (var (itsPlugin, itsTenant) in await server.UseAsync(connection => ListAsync(connection, plugin, tenant), cancellationToken))
        {
            var database = Open(itsPlugin, itsTenant);
            await server.LockedAsync(server.Locks.Unit(database.Name), async connection =>
            {
                await PlatformSchema.RunAsync(connection, $"DROP SCHEMA IF EXISTS {Names.Quote(database.Name)} CASCADE");
                await connection.RunAsync("DELETE FROM own_databases WHERE name=$1", database.Name);
                if (database.Role != "none")
                    await PlatformSchema.RunAsync(connection, $"DROP OWNED BY {Names.Quote(database.Role)}; DROP ROLE {Names.Quote(database.Role)};");
                return true;
            }, cancellationToken);
            database.Forget();
        }

        await LoadAsync(cancellationToken);
        wakeups.TablesChanged();
    }

    private static async ValueTask<List<(string Plugin, string Tenant)>> ListAsync(NpgsqlConnection connection, string? plugin, string? tenant)
    {
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT plugin,tenant FROM own_databases WHERE ($1::text IS NULL OR plugin=$1) AND ($2::text IS NULL OR tenant=$2) ORDER BY plugin,tenant").With(plugin).With(tenant);
        var found = new List<(string, string)>();
        await using var reader = await batch.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            found.Add((reader.GetString(0), reader.GetString(1)));
        return found;
    }

    private static async Task LetInAsync(NpgsqlConnection connection, OwnDatabase database)
    {
        var (schema, role) = (Names.Quote(database.Name), Names.Quote(database.Role));
        await PlatformSchema.MakeRoleAsync(connection, database.Role);
        // The schema stays the platform's: its owner could drop the record of migrations.
        await PlatformSchema.RunAsync(connection, $"GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {schema}.{OwnMigrations.Table} TO {role};");
    }

    /// <summary>Gives a schema that came from a dump to a role of this database: that of the other one has its number in its name, and may not be on this server.</summary>
    private static async Task TakeOverAsync(NpgsqlConnection connection, OwnDatabase database)
    {
        await LetInAsync(connection, database);
        var (schema, role) = (Names.Literal(Names.Quote(database.Name)), Names.Literal(database.Role));
        await PlatformSchema.RunAsync(connection, $"""
            DO $$ DECLARE part record; BEGIN
                FOR part IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = {schema}::regnamespace AND c.relkind IN ('r','p','v','m','S') AND c.relname <> {Names.Literal(OwnMigrations.Table)}
                    AND NOT (c.relkind = 'S' AND EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a','i')))
                LOOP EXECUTE format('ALTER TABLE %s OWNER TO %I', part.name, {role}); END LOOP;
                FOR part IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = {schema}::regnamespace
                LOOP EXECUTE format('ALTER ROUTINE %s OWNER TO %I', part.name, {role}); END LOOP;
            END $$
            """);
    }

    /// <summary>Makes schema and role where they are missing. Another tenant's comes up in the state of the default tenant's.</summary>
    private async Task MakeAsync(OwnDatabase database, bool isArriving)
    {
        var leader = database.Tenant == CallContext.DefaultTenant ? null : Open(database.Plugin, CallContext.DefaultTenant);
        if (leader is not null)
            await leader.EnsureAsync();
        await server.LockedAsync(server.Locks.Change(database.Name), async connection =>
        {
            if (!isArriving)
                await connection.CheckWritableAsync(database.Tenant, server.Locks);
            var schema = Names.Quote(database.Name);
            if (await connection.ScalarAsync("SELECT 1 FROM own_databases WHERE name=$1", database.Name) is not null)
            {
                if (database.Role != "none" && await connection.ScalarAsync("SELECT 1 FROM pg_roles WHERE rolname=$1", database.Role) is null)
                    await TakeOverAsync(connection, database);
                return false;
            }

            await PlatformSchema.RunAsync(connection, $"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.{OwnMigrations.Table} (version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, sql text NOT NULL);");
            if (database.Role != "none")
                await LetInAsync(connection, database);

            await connection.RunAsync("INSERT INTO own_databases (name,plugin,tenant) VALUES ($1,$2,$3)", database.Name, database.Plugin, database.Tenant);
            if (leader is not null)
            {
                var migrations = (await OwnMigrations.PublishedAsync(connection, leader)).Select(p => new SqlMigration(p.Version, p.Name, p.Sql)).ToImmutableArray();
                await OwnMigrations.RunAsync(connection, database, migrations);
            }

            return true;
        }, CancellationToken.None);
        await LoadAsync(CancellationToken.None);
        wakeups.TablesChanged();
    }
}
