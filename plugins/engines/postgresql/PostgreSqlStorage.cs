using System.Diagnostics;
using System.Globalization;
using Nexus.Engines.PostgreSql.Audit;
using Nexus.Engines.PostgreSql.Blobs;
using Nexus.Engines.PostgreSql.Commits;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Events;
using Nexus.Engines.PostgreSql.Records;
using Nexus.Engines.PostgreSql.Schema;
using Nexus.Engines.PostgreSql.Sql;
using Nexus.Engines.PostgreSql.Tasks;
using Nexus.Engines.PostgreSql.Tenants;
using Npgsql;

namespace Nexus.Engines.PostgreSql;

/// <summary>Opens the engine: makes what is missing in the database and puts the parts together.</summary>
internal static class PostgreSqlStorage
{
    /// <summary>How far the clock of the machine may be off before its health says so.</summary>
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(5);

    /// <summary>Less than the time that a health check gets, so that what is wrong is said and where.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <exception cref="NexusException"><c>STORAGE_UNAVAILABLE</c> with address, cause and way out.</exception>
    public static async Task<StorageSet> OpenAsync(DatabaseSettings settings, StorageOptions options, CancellationToken cancellationToken)
    {
        var name = $"nexus {Guid.NewGuid():N}";
        var (primary, standby) = Sources(settings, name);
        var server = new Server(settings, primary, standby, options.Time, options.Loggers);
        var pools = new PoolCounters(name, settings.Connection.MaxPoolSize);
        try
        {
            await PlatformSchema.EnsureAsync(server, cancellationToken);
            await SchemaChange.UndoUnfinishedAsync(server, cancellationToken);
            var catalog = new TableCatalog(server);
            await catalog.LoadAsync(cancellationToken);
            if (!catalog.Contains(IStorage.Documents))
                await catalog.MakeAsync(IStorage.Documents, cancellationToken);
            return Compose(server, catalog, pools, options.Blobs);
        }
        catch
        {
            pools.Dispose();
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Of several hosts the one that takes writes, also after another one has become it; and a standby, where requests may read from one.</summary>
    private static (NpgsqlDataSource Primary, NpgsqlDataSource? Standby) Sources(DatabaseSettings settings, string name)
    {
        var builder = new NpgsqlDataSourceBuilder(settings.Connection.ConnectionString) { Name = name };
        if (!settings.Connection.Host!.Contains(',', StringComparison.Ordinal))
            return (builder.Build(), null);
        var hosts = builder.BuildMultiHost();
        return (hosts.WithTargetSession(TargetSessionAttributes.Primary), settings.ReadReplicas ? hosts.WithTargetSession(TargetSessionAttributes.PreferStandby) : null);
    }

    private static StorageSet Compose(Server server, TableCatalog catalog, PoolCounters pools, IBlobStore? others)
    {
        OwnDatabases? databases = null;
        var wakeups = new Wakeups(server, async () =>
        {
            await catalog.LoadAsync(CancellationToken.None);
            await (databases?.LoadAsync(CancellationToken.None) ?? Task.CompletedTask);
        });
        catalog.Changed = wakeups.TablesChanged;
        var writer = new CommitWriter(server, catalog, wakeups);
        databases = new OwnDatabases(server, writer, wakeups);
        var own = new PostgreSqlBlobs(server);
        var blobs = others ?? own;
        var reads = new Reads(server);
        return new StorageSet(new PostgreSqlRecords(server, catalog, writer, reads), new PostgreSqlEvents(server, writer, wakeups), databases, blobs, new PostgreSqlChanges(server, catalog, databases, blobs))
        {
            Tasks = new PostgreSqlTasks(server, wakeups),
            Search = new PostgreSqlSearch(catalog, reads),
            Maintenance = new PostgreSqlMaintenance(server),
            Audit = new PostgreSqlAudit(server, wakeups),
            Tenants = new PostgreSqlTenants(server, catalog, databases, blobs),
            Transfers = new PostgreSqlTransfers(server, catalog, databases, wakeups, others is null),
            FormerBlobs = others is null ? null : own,
            Pools = pools.List,
            IsShared = true,
            Clock = token => ReadClockAsync(server, token),
            CheckHealth = token => CheckAsync(server, writer, token),
            Close = async () =>
            {
                pools.Dispose();
                await writer.DisposeAsync();
                await wakeups.DisposeAsync();
                await server.DisposeAsync();
            },
        };
    }

    private static ValueTask<DateTimeOffset> ReadClockAsync(Server server, CancellationToken cancellationToken) =>
        server.UseAsync(async connection => new DateTimeOffset((DateTime)(await connection.ScalarAsync("SELECT clock_timestamp()"))!, TimeSpan.Zero), cancellationToken);

    private static async ValueTask<PluginHealth> CheckAsync(Server server, CommitWriter writer, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            // The node's clock is the server's already; this is about the machine's.
            var asked = TimeProvider.System.GetUtcNow();
            var reading = ReadClockAsync(server, cancellationToken).AsTask();
            _ = reading.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            var theirs = await reading.WaitAsync(Patience, cancellationToken);
            var answered = TimeProvider.System.GetUtcNow();
            // An answer that was long on its way says nothing against a clock that may have stood at theirs meanwhile.
            var ahead = asked > theirs ? asked - theirs : answered < theirs ? answered - theirs : TimeSpan.Zero;
            // Every node renews its registration each few seconds, so the next commit that succeeds is never far.
            if (writer.Fault is { } fault)
                return new PluginHealth(HealthLevel.Degraded, $"What is stored can be read. {fault.Message}");
            if (ahead.Duration() > Tolerance)
                return new PluginHealth(HealthLevel.Degraded, string.Create(CultureInfo.InvariantCulture, $"The clock of this machine is {ahead.Duration().TotalSeconds:0} s {(ahead > TimeSpan.Zero ? "ahead of" : "behind")} that of {server.Address}. The node goes by the server's; set the machine's, which its logs and certificates go by."));
            return new PluginHealth(HealthLevel.Healthy, $"{server.Address} answers in {Stopwatch.GetElapsedTime(started).TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture)} ms");
        }
        catch (Exception e) when (e is NexusException or TimeoutException)
        {
            return new PluginHealth(HealthLevel.Unhealthy, Failures.Explain(e, server.Address).Message);
        }
    }
}
