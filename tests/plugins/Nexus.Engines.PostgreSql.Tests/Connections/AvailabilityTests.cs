using Nexus.Engines.PostgreSql.Connections;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Connections;

public sealed class AvailabilityTests
{
    [Theory]
    [InlineData("postgres://ann:s%2Fecret@127.0.0.1:1/shop?sslmode=disable", "127.0.0.1:1, database shop")]
    [InlineData("Host=127.0.0.1;Port=1;Username=ann;Password=s/ecret;Database=shop", "127.0.0.1:1, database shop")]
    public async Task A_server_that_does_not_answer_is_named_with_the_way_out_and_without_secrets(string address, string place)
    {
        var failure = await Assert.ThrowsAsync<NexusException>(() => Opened.OpenAsync(address));

        Assert.Equal(ErrorCodes.StorageUnavailable, failure.Code);
        Assert.StartsWith($"The PostgreSQL server at {place} does not answer.", failure.Message, StringComparison.Ordinal);
        Assert.Contains("DATABASE_URL", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("ecret", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_missing_is_told()
    {
        var address = await PostgreSqlServer.DatabaseAsync();

        Assert.Contains("no such database", (await Assert.ThrowsAsync<NexusException>(() => Opened.OpenAsync(address + "_missing"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("hunter2")]
    [InlineData("Host=;Nonsense=hunter2")]
    [InlineData("mysql://root:hunter2@localhost/x")]
    public async Task An_address_that_is_none_is_refused_without_showing_it(string? address)
    {
        var failure = await Assert.ThrowsAsync<NexusException>(() => Opened.OpenAsync(address!));

        Assert.Equal(ErrorCodes.ConfigurationError, failure.Code);
        Assert.DoesNotContain("hunter2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_of_libpq_is_read_whole()
    {
        var read = DatabaseSettings.Read(new StorageOptions("", "postgresql://a%40b:p%3Aw@one:6000,two:6001/my%20db?sslmode=verify-full&application_name=x&connect_timeout=9")).Connection;

        Assert.Equal(("a@b", "p:w", "one:6000,two:6001", "my db", SslMode.VerifyFull, "x"), (read.Username, read.Password, read.Host, read.Database, read.SslMode, read.ApplicationName));
    }

    [Fact]
    public async Task Many_requests_share_few_connections()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var set = await Opened.OpenAsync(address, null, ("pool:maxSize", "6"), ("pool:timeoutSeconds", "30"));
        var most = 0L;
        using var done = new CancellationTokenSource();
        await using var watching = new NpgsqlConnection(address);
        await watching.OpenAsync();
        var watch = Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                await using var count = new NpgsqlCommand("SELECT count(*) FROM pg_stat_activity WHERE datname=current_database() AND application_name='nexus'", watching);
                most = Math.Max(most, (long)(await count.ExecuteScalarAsync())!);
            }
        });

        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => Task.Run(async () =>
        {
            await set.CommitAsync(Opened.Put($"{i}", "{}"));
            Assert.NotNull(await set.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, "crm.people", $"{i}"), CancellationToken.None));
        })));
        await done.CancelAsync();
        await watch;

        Assert.InRange(most, 1, 6);
    }

    [Fact]
    public async Task A_connection_that_has_lived_long_enough_is_replaced()
    {
        await using var set = await Opened.OpenAsync(await PostgreSqlServer.DatabaseAsync(), null, ("pool:lifetimeSeconds", "1"));
        var database = set.Sql.Get("p", CallContext.DefaultTenant);
        async Task<long> SessionAsync() => (long)(await database.QueryAsync("SELECT pg_backend_pid()::bigint AS pid"))[0]["pid"]!;
        var first = await SessionAsync();

        for (var i = 0; await SessionAsync() == first; i++)
        {
            Assert.True(i < 900, "the session is never replaced");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Who_gets_no_connection_in_time_is_told_to_raise_the_limit()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var set = await Opened.OpenAsync(address, null, ("pool:maxSize", "6"), ("pool:timeoutSeconds", "5"));
        var databases = Enumerable.Range(0, 5).Select(i => set.Sql.Get($"p{i}", CallContext.DefaultTenant)).ToList();
        foreach (var database in databases)
            await database.QueryAsync("SELECT 1 AS one");

        Exception? refused = null;
        await HoldAsync(address, databases, async () => refused = await Record.ExceptionAsync(() => set.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, "crm.people", "x"), CancellationToken.None).AsTask()));

        Assert.Equal(ErrorCodes.StorageUnavailable, Assert.IsType<NexusException>(refused).Code);
        Assert.Contains("database.pool.maxSize", refused.Message, StringComparison.Ordinal);
        Assert.Equal(HealthLevel.Healthy, (await set.CheckHealth(CancellationToken.None)).Status);
    }

    [Fact]
    public async Task What_the_pool_holds_is_told_and_moves_with_the_load()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var set = await Opened.OpenAsync(address, null, ("pool:maxSize", "12"));
        var databases = Enumerable.Range(0, 5).Select(i => set.Sql.Get($"p{i}", CallContext.DefaultTenant)).ToList();
        foreach (var database in databases)
            await database.QueryAsync("SELECT 1 AS one");
        var atRest = Assert.Single(set.Pools());

        var inLoad = atRest;
        await HoldAsync(address, databases, () =>
        {
            inLoad = Assert.Single(set.Pools());
            return Task.CompletedTask;
        });

        Assert.Equal(("postgresql", 12, 12), (inLoad.Name, inLoad.Max, atRest.Max));
        // What wakes the node holds a connection too, and now and then one to look.
        Assert.InRange(atRest.InUse, 0, 4);
        Assert.InRange(inLoad.InUse, 5, 12);
        Assert.InRange(inLoad.InUse + inLoad.Idle, 5, 12);
        Assert.InRange(Assert.Single(set.Pools()).InUse, 0, 4);
    }

    /// <summary>Does something while each of these databases has a query that goes on, and ends them then.</summary>
    private static async Task HoldAsync(string address, List<ISqlDatabase> databases, Func<Task> meanwhile)
    {
        foreach (var database in databases)
            await database.WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE held (id INTEGER)"));
        await using var holder = new NpgsqlConnection(address + ";Pooling=false");
        await holder.OpenAsync();
        async Task<long> RunAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, holder);
            return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
        }

        await using var unit = await holder.BeginTransactionAsync();
        for (var i = 0; i < databases.Count; i++)
            await RunAsync($"LOCK TABLE \"plugin.p{i}\".held IN ACCESS EXCLUSIVE MODE");
        var waiting = databases.Select(d => d.QueryAsync("SELECT count(*) AS n FROM held").AsTask()).ToList();
        for (var i = 0; await RunAsync("SELECT count(*) FROM pg_locks WHERE locktype='relation' AND NOT granted AND database=(SELECT oid FROM pg_database WHERE datname=current_database())") < databases.Count; i++)
        {
            if (waiting.Find(w => w.IsCompleted) is { } ended)
                Assert.Fail($"one does not wait: {(await ended)[0]}");
            Assert.True(i < 600, "the queries do not wait");
            await Task.Delay(50);
        }

        await meanwhile();
        await unit.CommitAsync();
        await Task.WhenAll(waiting);
    }
}
