using System.Collections.Immutable;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Events;
using Nexus.Engines.PostgreSql.Schema;
using Nexus.Engines.PostgreSql.Sql;

namespace Nexus.Engines.PostgreSql.Tenants;

/// <summary>Moves of tenants from and to this database.</summary>
internal sealed class PostgreSqlTransfers(Server server, TableCatalog catalog, OwnDatabases databases, Wakeups wakeups, bool hasBlobs) : ITenantTransfers
{
    public Server Server => server;

    public TableCatalog Catalog => catalog;

    public OwnDatabases Databases => databases;

    public Wakeups Wakeups => wakeups;

    /// <summary>Blobs lie in the database.</summary>
    public bool HasBlobs => hasBlobs;

    public async ValueTask<ITenantTransfer> BeginAsync(string tenant, ITenantTransfers target, long positions, CancellationToken cancellationToken)
    {
        if (tenant == CallContext.DefaultTenant)
            throw new RuleViolationException("The default tenant is the node's own and lies with the platform.");
        if (target is not PostgreSqlTransfers there)
            throw new NexusException(ErrorCodes.Conflict, "A tenant is moved between databases of one engine.");
        var transfer = new TenantTransfer(this, there, tenant, positions);
        try
        {
            await transfer.OpenAsync(cancellationToken);
            return transfer;
        }
        catch (Exception e)
        {
            await transfer.DisposeAsync();
            if (Failures.IsOurs(e))
                throw Failures.Explain(e, server.Address);
            throw;
        }
    }

    public async ValueTask<ImmutableArray<TenantSize>> MeasureAsync(CancellationToken cancellationToken)
    {
        await catalog.LoadAsync(cancellationToken);
        return await server.UseAsync(async connection =>
        {
            var sizes = new SortedDictionary<string, (long Records, long Bytes)>(StringComparer.Ordinal);
            await using var unit = await connection.BeginTransactionAsync(cancellationToken);
            await connection.RunAsync("SELECT set_config('app.tenant','*',true)");
            foreach (var table in catalog.Names)
            {
                await using var batch = connection.CreateBatch();
                batch.Add($"SELECT tenant,count(*),sum(octet_length(json))::bigint FROM {Names.Quote(table)} WHERE tenant<>$1 AND tenant NOT IN (SELECT m.tenant FROM tenant_marks m WHERE m.state>1) GROUP BY tenant").With(CallContext.DefaultTenant);
                await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
                while (await reader.ReadAsync(cancellationToken))
                {
                    var (records, bytes) = sizes.GetValueOrDefault(reader.GetString(0));
                    sizes[reader.GetString(0)] = (records + reader.GetInt64(1), bytes + reader.GetInt64(2));
                }
            }

            return sizes.Select(s => new TenantSize(s.Key, s.Value.Records, s.Value.Bytes)).ToImmutableArray();
        }, cancellationToken);
    }
}
