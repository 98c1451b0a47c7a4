using System.Collections.Immutable;
using Nexus.Data.Records;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Sql;

namespace Nexus.Engines.PostgreSql.Schema;

/// <summary>Schema changes. Of one plugin, one at a time over all nodes: a node that brings the same change waits and finds it done.</summary>
internal sealed class PostgreSqlChanges(Server server, TableCatalog catalog, OwnDatabases databases, IBlobStore blobs) : ISchemaChanges
{
    public async ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        foreach (var table in request.Tables)
            RecordColumns.CheckTable(table.Table);
        var change = new SchemaChange(server, catalog, databases, request);
        try
        {
            await change.BeginAsync(cancellationToken);
            return change;
        }
        catch (Exception e)
        {
            await change.DisposeAsync();
            if (Failures.IsOurs(e))
                throw Failures.Explain(e, server.Address);
            throw;
        }
    }

    public async ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
    {
        await catalog.LoadAsync(cancellationToken);
        ImmutableArray<string> tables = [.. catalog.Names.Where(t => PluginTables.IsOf(plugin, t))];
        await server.LockedAsync(server.Locks.Tables, async connection =>
        {
            foreach (var table in tables)
                await PlatformSchema.RunAsync(connection, $"DROP TABLE IF EXISTS {Names.Quote(table)}; DELETE FROM record_tables WHERE name={Names.Literal(table)};");
            await connection.RunAsync("DELETE FROM tasks WHERE plugin=$1", plugin);
            // '0' follows '/': the range is everything below the root and nothing beside it.
            return await connection.RunAsync($"DELETE FROM {Names.Quote(IStorage.Documents)} WHERE id>=$1 AND id<$2", documentRoot + "/", documentRoot + "0");
        }, cancellationToken);
        await catalog.LoadAsync(cancellationToken);
        catalog.Changed();
        await blobs.DeleteAllAsync(plugin, null, cancellationToken);
        await databases.DeleteAsync(plugin, null, cancellationToken);
    }

    public async ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
    {
        await catalog.LoadAsync(cancellationToken);
        ImmutableArray<string> tables = [.. catalog.Names.Where(t => PluginTables.IsOf(plugin, t))];
        var own = Names.Own(plugin, CallContext.DefaultTenant);
        return await server.UseAsync(async connection =>
        {
            var bytes = (long)(await connection.ScalarAsync(
                $"""
                SELECT (SELECT coalesce(sum(octet_length(json)),0) FROM {Names.Quote(IStorage.Documents)} WHERE id>=$1 AND id<$2)
                     + (SELECT coalesce(sum(length),0) FROM blobs WHERE owner=$3 OR starts_with(owner,$3||'/'))::bigint
                     + (SELECT coalesce(sum(pg_total_relation_size(c.oid)),0) FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace WHERE c.relkind IN ('r','m') AND (n.nspname=$4 OR starts_with(n.nspname,$4||'@')))::bigint
                """,
                documentRoot + "/", documentRoot + "0", plugin, own))!;
            foreach (var table in tables)
                bytes += (long)(await connection.ScalarAsync($"SELECT coalesce(sum(octet_length(json)),0) FROM {Names.Quote(table)}"))!;
            return bytes;
        }, cancellationToken);
    }
}
