using System.Collections.Immutable;
using Nexus.Engines.PostgreSql.Commits;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Events;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Sql;

/// <summary>The database of one plugin and tenant: a schema with a role that sees nothing else. Units of work take turns over all nodes, so that each sees those before it.</summary>
/// <remarks>Its semaphore is never waited on by handle, so it holds nothing that needs disposal.</remarks>
#pragma warning disable CA1001
internal sealed class OwnDatabase(Server server, CommitWriter records, Wakeups wakeups, string plugin, string tenant, Func<OwnDatabase, bool, Task> make) : IJointDatabase
#pragma warning restore CA1001
{
    private const int MaxAttempts = 10;

    private readonly SemaphoreSlim _making = new(1);
    private volatile bool _isMade;

    public Server Server => server;

    public CommitWriter Records => records;

    public string Plugin => plugin;

    public string Tenant => tenant;

    /// <summary>Name of the schema.</summary>
    public string Name { get; } = Names.Own(plugin, tenant);

    public string Role => server.RolePrefix is { } prefix ? Names.Fit(prefix + (tenant == CallContext.DefaultTenant ? plugin : $"{plugin}@{tenant}")) : "none";

    public string Dialect => "postgresql";

    public async ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        await EnsureAsync();
        try
        {
            var statement = SqlStatements.One(sql);
            await using var connection = await server.Source.OpenConnectionAsync(cancellationToken);
            await using var batch = connection.CreateBatch();
            if (tenant != CallContext.DefaultTenant)
                batch.Add("SELECT tenants_here(ARRAY[$1],2)").With(tenant);
            Enter(batch, isReading: true);
            SqlStatements.Add(batch, statement, parameters);
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            await reader.NextResultAsync(cancellationToken);
            if (tenant != CallContext.DefaultTenant)
                await reader.NextResultAsync(cancellationToken);
            return await SqlStatements.ReadAsync(reader, cancellationToken);
        }
        catch (Exception e) when (Failures.IsOurs(e))
        {
            throw SqlStatements.Explain(e, server.Address);
        }
    }

    public async ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        cancellationToken.ThrowIfCancellationRequested();
        if (OwnUnit.Of(this) is { } outer)
            return await outer.WriteAsync(work, cancellationToken);
        await EnsureAsync();
        for (var attempt = 1; ; attempt++)
        {
            OwnUnit? unit = null;
            try
            {
                unit = await OwnUnit.BeginAsync(this, cancellationToken);
                var result = await unit.RunWorkAsync(work, cancellationToken);
                await unit.CommitAsync(new WriteBatch());
                return result;
            }
            catch (Exception e) when (Failures.IsRepeatable(e) && attempt < MaxAttempts)
            {
                // Nothing was written: the work runs again.
            }
            catch (Exception e) when (Failures.IsOurs(e))
            {
                throw SqlStatements.Explain(e, server.Address);
            }
            finally
            {
                unit?.Rollback();
            }
        }
    }

    public async ValueTask<IJointUnit> BeginAsync(CancellationToken cancellationToken)
    {
        await EnsureAsync();
        try
        {
            return await OwnUnit.BeginAsync(this, cancellationToken);
        }
        catch (Exception e) when (Failures.IsOurs(e))
        {
            throw SqlStatements.Explain(e, server.Address);
        }
    }

    /// <summary>Makes schema and role at first use.</summary>
    /// <param name="isArriving">Also while the tenant does not lie here yet.</param>
    public async Task EnsureAsync(bool isArriving = false)
    {
        if (_isMade)
            return;
        await _making.WaitAsync();
        try
        {
            if (_isMade)
                return;
            await make(this, isArriving);
            _isMade = true;
        }
        finally
        {
            _making.Release();
        }
    }

    /// <summary>It was deleted: the next use makes it anew.</summary>
    public void Forget() => _isMade = false;

    /// <summary>Adds the statement that makes the rest of the transaction the plugin's: its role, its schema, and no writing when it reads.</summary>
    public void Enter(NpgsqlBatch batch, bool isReading) =>
        batch.Add("SELECT set_config('search_path',$1,true),set_config('app.tenant',$2,true),set_config('transaction_read_only',$3,true),set_config('role',$4,true)")
            .With(Names.Quote(Name)).With(tenant).With(isReading ? "on" : "off").With(Role);

    /// <summary>A unit was committed with this.</summary>
    public void Committed(WriteBatch batch) => wakeups.Wake(batch.Events.Length > 0 || batch.Settlements.Length > 0, !batch.Audit.IsDefaultOrEmpty, batch.Tasks.Length > 0);
}
