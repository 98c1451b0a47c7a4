using System.Security.Cryptography;
using System.Text;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Tasks;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Schema;

/// <summary>Makes the platform's own tables and roles where they are not there yet. Several nodes may start at once.</summary>
internal static class PlatformSchema
{
    /// <summary>
    /// Functions by which filters, sorts and indexes see JSON values as <see cref="JsonScalar"/> defines them:
    /// <c>json_text</c> a text, <c>json_number</c> a number or boolean (whole numbers of 64 bits exactly, others as doubles), <c>json_key</c> either of them
    /// as one text for unique indexes, <c>json_decimal</c> a text that is a decimal. <c>json_body</c> reads what <c>jsonb</c> refuses (a NUL in a text) as well as it can:
    /// the record itself is kept byte for byte beside it. <c>tenants_here</c> fails where a tenant is marked as leaving, gone or arriving (<see cref="Tenants.TenantMark"/>).
    /// </summary>
    private const string Functions = """
        CREATE OR REPLACE FUNCTION json_body(json text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
        BEGIN
            RETURN json::jsonb;
        EXCEPTION WHEN others THEN
            BEGIN
                RETURN regexp_replace(json, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::jsonb;
            EXCEPTION WHEN others THEN
                RETURN NULL;
            END;
        END $$;
        CREATE OR REPLACE FUNCTION json_text(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN jsonb_typeof(value) = 'string' THEN value #>> '{}' END $$;
        CREATE OR REPLACE FUNCTION json_real(value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE
                WHEN value = trunc(value) AND value BETWEEN -9223372036854775808 AND 9223372036854775807 THEN value
                WHEN abs(value) >= 1.797693134862315808e308 THEN sign(value) * 'Infinity'::numeric
                WHEN abs(value) < 2.48e-324 THEN 0
                ELSE (value::float8)::text::numeric END $$;
        CREATE OR REPLACE FUNCTION json_number(value jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE jsonb_typeof(value) WHEN 'number' THEN @schema@.json_real(value::numeric) WHEN 'boolean' THEN CASE WHEN value = 'true'::jsonb THEN 1 ELSE 0 END END $$;
        CREATE OR REPLACE FUNCTION json_key(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE jsonb_typeof(value) WHEN 'string' THEN 's' || (value #>> '{}') WHEN 'number' THEN 'n' || trim_scale(@schema@.json_number(value))::text WHEN 'boolean' THEN 'n' || @schema@.json_number(value)::text END $$;
        CREATE OR REPLACE FUNCTION json_decimal(value text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN value ~ '^[+-]?([0-9]{1,100}\.?[0-9]{0,100}|\.[0-9]{1,100})$' THEN CASE WHEN abs(value::numeric) <= 79228162514264337593543950335 THEN value::numeric END END $$;
        CREATE OR REPLACE FUNCTION tenants_here(tenants text[], closed integer) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE away text;
        BEGIN
            SELECT m.tenant INTO away FROM @schema@.tenant_marks m WHERE m.tenant = ANY(tenants) AND m.state >= closed LIMIT 1;
            IF FOUND THEN RAISE EXCEPTION '%', away USING ERRCODE = 'NX001'; END IF;
        END $$;
        """;

    private const string Tables = """
        CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, value bytea NOT NULL);
        CREATE TABLE IF NOT EXISTS record_tables (name text COLLATE "C" PRIMARY KEY, search text NOT NULL DEFAULT '[]', indexes text NOT NULL DEFAULT '[]');
        CREATE TABLE IF NOT EXISTS pending (number bigserial PRIMARY KEY, plugin text NOT NULL, relation text NOT NULL);
        CREATE TABLE IF NOT EXISTS own_databases (name text PRIMARY KEY, plugin text NOT NULL, tenant text NOT NULL);
        CREATE SEQUENCE IF NOT EXISTS commit_positions;
        CREATE SEQUENCE IF NOT EXISTS event_positions;
        CREATE SEQUENCE IF NOT EXISTS audit_positions;
        CREATE TABLE IF NOT EXISTS events (seq bigint PRIMARY KEY, id uuid NOT NULL UNIQUE, name text COLLATE "C" NOT NULL, tenant text COLLATE "C" NOT NULL, occurred bigint NOT NULL, source text NOT NULL, correlation text, key text COLLATE "C", priority integer NOT NULL, expires bigint, headers text, data text NOT NULL);
        CREATE INDEX IF NOT EXISTS events_correlation ON events (correlation) WHERE correlation IS NOT NULL;
        CREATE INDEX IF NOT EXISTS events_expires ON events (expires) WHERE expires IS NOT NULL;
        CREATE TABLE IF NOT EXISTS event_groups (grp bigserial PRIMARY KEY, plugin text NOT NULL, name text COLLATE "C" NOT NULL UNIQUE, pattern text NOT NULL, matches text COLLATE "C" NOT NULL, priority integer NOT NULL);
        CREATE TABLE IF NOT EXISTS deliveries (grp bigint NOT NULL, seq bigint NOT NULL, priority integer NOT NULL, key text COLLATE "C", state smallint NOT NULL, attempt integer NOT NULL, due bigint NOT NULL, fence bigint NOT NULL, error text, PRIMARY KEY (grp,seq)) WITH (fillfactor=70);
        CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (grp, priority DESC, seq) WHERE state=0;
        CREATE INDEX IF NOT EXISTS deliveries_key ON deliveries (grp, key, seq) WHERE state=0 AND key IS NOT NULL;
        CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (seq);
        ALTER TABLE events ADD COLUMN IF NOT EXISTS was bigint;
        CREATE TABLE IF NOT EXISTS audit_queue (position bigint PRIMARY KEY, entry bytea NOT NULL);
        CREATE TABLE IF NOT EXISTS blobs (owner text COLLATE "C" NOT NULL, tenant text COLLATE "C" NOT NULL, sha256 text COLLATE "C" NOT NULL, length bigint NOT NULL, PRIMARY KEY (owner,tenant,sha256));
        CREATE INDEX IF NOT EXISTS blobs_sha256 ON blobs (sha256);
        CREATE TABLE IF NOT EXISTS blob_contents (sha256 text COLLATE "C" PRIMARY KEY, length bigint NOT NULL);
        CREATE TABLE IF NOT EXISTS blob_parts (sha256 text COLLATE "C" NOT NULL, number integer NOT NULL, content bytea NOT NULL, PRIMARY KEY (sha256,number));
        CREATE TABLE IF NOT EXISTS tenant_marks (tenant text COLLATE "C" PRIMARY KEY, state smallint NOT NULL);
        CREATE UNLOGGED TABLE IF NOT EXISTS arriving_events (seq bigint NOT NULL, id uuid NOT NULL, name text NOT NULL, tenant text COLLATE "C" NOT NULL, occurred bigint NOT NULL, source text NOT NULL, correlation text, key text, priority integer NOT NULL, expires bigint, headers text, data text NOT NULL);
        CREATE UNLOGGED TABLE IF NOT EXISTS arriving_deliveries (tenant text COLLATE "C" NOT NULL, event uuid NOT NULL, grp text NOT NULL, priority integer NOT NULL, key text, state smallint NOT NULL, attempt integer NOT NULL, due bigint NOT NULL, fence bigint NOT NULL, error text);
        """;

    public static async Task EnsureAsync(Server server, CancellationToken cancellationToken)
    {
        var schema = Names.Quote(server.Settings.Schema);
        await server.LockedAsync(server.Locks.Setup, async connection =>
        {
            // A grant on all tables rewrites the catalogue rows of tables that another node may be making or altering: "tuple concurrently updated".
            await connection.RunAsync("SELECT pg_advisory_xact_lock($1)", server.Locks.Tables);
            await connection.RunAsync($"CREATE SCHEMA IF NOT EXISTS {schema}");
            await ChooseRolesAsync(server, connection);
            var functions = Functions.Replace("@schema@", schema, StringComparison.Ordinal);
            var mark = SHA256.HashData(Encoding.UTF8.GetBytes(functions + Tables + TaskSql.Schema + server.AppRole));
            if (await IsMadeAsync(connection, schema, mark))
                return true;
            await RunAsync(connection, functions);
            await RunAsync(connection, Tables + TaskSql.Schema);
            await connection.RunAsync("INSERT INTO meta VALUES ('schema',$1) ON CONFLICT (name) DO UPDATE SET value=excluded.value", mark);
            await connection.RunAsync("INSERT INTO meta VALUES ('cursor',$1) ON CONFLICT DO NOTHING", RandomNumberGenerator.GetBytes(32));
            if (server.RolePrefix is not null)
            {
                var role = Names.Quote(server.AppRole);
                await RunAsync(connection, $"GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT,INSERT,UPDATE,DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};");
            }

            return true;
        }, cancellationToken);
        server.CursorSecret = await server.UseAsync(async connection => (byte[])(await connection.ScalarAsync("SELECT value FROM meta WHERE name='cursor'"))!, cancellationToken);
    }

    /// <summary>Whether all is as this version makes it. Even where nothing is missing, making it locks tables that other nodes write to: each start would hold them up.</summary>
    private static async Task<bool> IsMadeAsync(NpgsqlConnection connection, string schema, byte[] mark) =>
        await connection.ScalarAsync("SELECT to_regclass($1)::text", $"{schema}.meta") is string
        && await connection.ScalarAsync("SELECT value FROM meta WHERE name='schema'") is byte[] made && made.AsSpan().SequenceEqual(mark);

    /// <summary>Runs several statements without parameters.</summary>
    public static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Makes a role where it is missing and lets the node's user become it.</summary>
    public static Task MakeRoleAsync(NpgsqlConnection connection, string role) => RunAsync(connection, $"""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = {Names.Literal(role)}) THEN CREATE ROLE {Names.Quote(role)} NOLOGIN; END IF;
            IF NOT pg_has_role(current_user, {Names.Literal(role)}, 'MEMBER') THEN GRANT {Names.Quote(role)} TO CURRENT_USER; END IF;
        END $$
        """);

    private static async Task ChooseRolesAsync(Server server, NpgsqlConnection connection)
    {
        if (await connection.ScalarAsync("SELECT 1 FROM pg_roles WHERE rolname=current_user AND (rolcreaterole OR rolsuper)") is null)
            return;
        // Roles belong to the whole server, so the database's number tells those of two databases apart.
        var database = Convert.ToInt64(await connection.ScalarAsync("SELECT oid::bigint FROM pg_database WHERE datname=current_database()"), System.Globalization.CultureInfo.InvariantCulture);
        server.RolePrefix = $"{server.Settings.Schema}_{database}_";
        server.AppRole = Names.Fit(server.RolePrefix + "app");
        await MakeRoleAsync(connection, server.AppRole);
    }
}
