using System.Globalization;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Nexus.Engines.PostgreSql.Sql;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tenants;

/// <summary>
/// The schema of a plugin for one tenant, copied to another database. Its structure comes from the plugin's migrations, as it does for a new tenant; rows and the state of sequences are copied.
/// While rows arrive, triggers and foreign keys of the target are off: they were obeyed where the rows were written, and rows come in no order.
/// </summary>
internal sealed class OwnCopy(NpgsqlConnection source, NpgsqlConnection target, string plugin, string tenant)
{
    private readonly string _schema = Names.Own(plugin, tenant);

    private string Literal => Names.Literal(Names.Quote(_schema));

    /// <summary>Makes the schema in the target ready for rows.</summary>
    /// <exception cref="NexusException"><c>CONFLICT</c>: the structures differ.</exception>
    public async Task PrepareAsync(OwnDatabase there, CancellationToken cancellationToken)
    {
        // What this process knows of it may be of the tenant's last time here.
        there.Forget();
        await there.EnsureAsync(isArriving: true);
        var (ours, theirs) = (await ShapeAsync(source, cancellationToken), await ShapeAsync(target, cancellationToken));
        if (ours.Except(theirs).Concat(theirs.Except(ours)).FirstOrDefault() is { } differing)
            throw new NexusException(ErrorCodes.Conflict, $"The SQL database of {plugin} for tenant {tenant} is not what the plugin's migrations make of it: {differing}. Put what was made beside them into a migration of the plugin, then move the tenant.");
        foreach (var statement in await ListAsync(target, $"SELECT format('ALTER TABLE %s DROP CONSTRAINT %I',conrelid::regclass,conname) FROM pg_constraint WHERE contype='f' AND conparentid=0 AND connamespace={Literal}::regnamespace", cancellationToken))
            await TableCopy.RunAsync(target, statement, cancellationToken);
        foreach (var statement in await TriggersAsync("DISABLE", cancellationToken))
            await TableCopy.RunAsync(target, statement, cancellationToken);
    }

    /// <summary>The tables with their rows.</summary>
    public async Task<List<CopiedRows>> TablesAsync(CancellationToken cancellationToken)
    {
        var tables = new List<CopiedRows>();
        await using var command = new NpgsqlCommand($"""
            SELECT c.relname,array_agg(quote_ident(a.attname) ORDER BY a.attname),
                (SELECT array_agg(quote_ident(k.attname) ORDER BY k.attname) FROM pg_index i JOIN pg_attribute k ON k.attrelid=c.oid AND k.attnum=ANY(i.indkey) WHERE i.indrelid=c.oid AND i.indisprimary)
            FROM pg_class c JOIN pg_attribute a ON a.attrelid=c.oid AND a.attnum>0 AND NOT a.attisdropped AND a.attgenerated=''
            WHERE c.relnamespace={Literal}::regnamespace AND c.relkind='r' AND c.relname<>'{OwnMigrations.Table}' GROUP BY c.oid,c.relname ORDER BY c.relname
            """, source);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var table = $"{Names.Quote(_schema)}.{Names.Quote(reader.GetString(0))}";
            var columns = reader.GetFieldValue<string[]>(1);
            var key = reader.IsDBNull(2) ? columns : reader.GetFieldValue<string[]>(2);
            tables.Add(new CopiedRows(table, table, "true", columns, $"ROW({string.Join(",", key)})::text"));
        }

        return tables;
    }

    /// <summary>After the last row: sequences go on where they are, triggers and foreign keys hold again. That stored rows obey the keys is checked later, by <see cref="ValidateAsync"/>.</summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        foreach (var sequence in await ListAsync(source, $"SELECT quote_ident(relname) FROM pg_class WHERE relkind='S' AND relnamespace={Literal}::regnamespace", cancellationToken))
        {
            var name = $"{Names.Quote(_schema)}.{sequence}";
            foreach (var set in await ListAsync(source, $"SELECT format('SELECT setval(%L::regclass,%s,%L)',{Names.Literal(name)},last_value,is_called) FROM {name}", cancellationToken))
                await TableCopy.RunAsync(target, set, cancellationToken);
        }

        var there = (await ListAsync(target, $"SELECT conrelid::regclass||' '||conname FROM pg_constraint WHERE contype='f' AND connamespace={Literal}::regnamespace", cancellationToken)).ToHashSet(StringComparer.Ordinal);
        await using var command = new NpgsqlCommand($"""
            SELECT k.conrelid::regclass||' '||k.conname,format('ALTER TABLE %s ADD CONSTRAINT %I %s',k.conrelid::regclass,k.conname,regexp_replace(pg_get_constraintdef(k.oid),' NOT VALID$','')||CASE WHEN c.relkind='p' THEN '' ELSE ' NOT VALID' END)
            FROM pg_constraint k JOIN pg_class c ON c.oid=k.conrelid WHERE k.contype='f' AND k.conparentid=0 AND k.connamespace={Literal}::regnamespace
            """, source);
        var missing = new List<string>();
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                if (!there.Contains(reader.GetString(0)))
                    missing.Add(reader.GetString(1));
            }
        }

        foreach (var statement in missing.Concat(await TriggersAsync("ENABLE", cancellationToken)))
            await TableCopy.RunAsync(target, statement, cancellationToken);
    }

    /// <summary>Finds that stored rows obey the foreign keys.</summary>
    public async Task ValidateAsync(CancellationToken cancellationToken)
    {
        foreach (var statement in await ListAsync(target, $"SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I',conrelid::regclass,conname) FROM pg_constraint WHERE contype='f' AND NOT convalidated AND connamespace={Literal}::regnamespace", cancellationToken))
            await TableCopy.RunAsync(target, statement, cancellationToken);
    }

    /// <summary>Statements that turn the triggers of the target on or off.</summary>
    private Task<List<string>> TriggersAsync(string verb, CancellationToken cancellationToken) =>
        ListAsync(target, string.Create(CultureInfo.InvariantCulture, $"SELECT format('ALTER TABLE %s {verb} TRIGGER USER',t.tgrelid::regclass) FROM pg_trigger t JOIN pg_class c ON c.oid=t.tgrelid WHERE NOT t.tgisinternal AND c.relkind IN ('r','p') AND c.relnamespace={Literal}::regnamespace GROUP BY t.tgrelid"), cancellationToken);

    /// <summary>Tables, columns, indexes and migrations as lines.</summary>
    private Task<List<string>> ShapeAsync(NpgsqlConnection connection, CancellationToken cancellationToken) => ListAsync(connection, $"""
        SELECT format('%s %I (%s)',CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' ELSE 'view' END,c.relname,
            (SELECT string_agg(a.attname||' '||format_type(a.atttypid,a.atttypmod)||CASE WHEN a.attnotnull THEN ' not null' ELSE '' END||a.attgenerated::text,', ' ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid=c.oid AND a.attnum>0 AND NOT a.attisdropped))
        FROM pg_class c WHERE c.relnamespace={Literal}::regnamespace AND c.relkind IN ('r','p','i','I','S','v','m')
        UNION ALL SELECT format('migration %s %s',version,checksum) FROM {Names.Quote(_schema)}.{OwnMigrations.Table} ORDER BY 1
        """, cancellationToken);

    private static async Task<List<string>> ListAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        var found = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            found.Add(reader.GetString(0));
        return found;
    }
}
