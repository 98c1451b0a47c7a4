using Nexus.Engines.PostgreSql.Tests;
using Npgsql;

namespace Nexus.Faults.Tests.Nodes;

/// <summary>The same with a standby of PostgreSQL that has every commit before it is acknowledged. The nodes know both hosts.</summary>
public sealed class ReplicatedCluster : Cluster
{
    internal PostgreSqlServer Standby { get; private set; } = null!;

    /// <summary>The standby takes writes from now on, as an operator or a program that watches decides it.</summary>
    internal async Task PromoteAsync()
    {
        await Standby.PromoteAsync();
        // It has no standby of its own to wait for.
        await Standby.RunSqlAsync("ALTER SYSTEM RESET synchronous_standby_names");
        await Standby.RunSqlAsync("SELECT pg_reload_conf()");
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (Standby is not null) await Standby.DisposeAsync();
    }

    private protected override bool IsThirdApart => false;

    private protected override async Task<string> MakeDatabaseAsync()
    {
        var database = new NpgsqlConnectionStringBuilder(await base.MakeDatabaseAsync());
        Standby = await PostgreSqlServer.StandbyOfAsync(PostgreSql);
        await PostgreSql.RunSqlAsync("ALTER SYSTEM SET synchronous_standby_names='*'");
        await PostgreSql.RunSqlAsync("SELECT pg_reload_conf()");
        for (var i = 0; (long)(await PostgreSql.RunSqlAsync("SELECT count(*) FROM pg_stat_replication WHERE sync_state='sync'"))! != 1; i++)
        {
            Assert.True(i < 1200, "the standby never followed");
            await Task.Delay(50);
        }

        database.Host = $"127.0.0.1:{PostgreSql.Port},127.0.0.1:{Standby.Port}";
        return database.ConnectionString;
    }
}
