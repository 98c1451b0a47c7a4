using System.Collections.Immutable;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Nodes;

public sealed class ReplicaTests
{
    [Fact]
    public async Task Requests_read_from_a_standby_and_a_caller_sees_its_own_writes_before_the_standby_does()
    {
        await using var primary = await PostgreSqlServer.StartAsync();
        var database = new NpgsqlConnectionStringBuilder(await primary.MakeDatabaseAsync());
        await (await Opened.OpenAsync(database.ConnectionString)).DisposeAsync();
        await using var standby = await PostgreSqlServer.StandbyOfAsync(primary);
        database.Host = $"127.0.0.1:{primary.Port},127.0.0.1:{standby.Port}";
        await using var set = await Opened.OpenAsync(database.ConnectionString, null, ("readReplicas", "true"));
        await standby.HoldReplayAsync();
        var key = new RecordKey(CallContext.DefaultTenant, IStorage.Documents, "a");

        await As("ann", () => set.CommitAsync(Opened.Put("a", "1", IStorage.Documents)));

        Assert.InRange(Assert.Single(await set.Maintenance!.ListStandbysAsync(CancellationToken.None)).BytesBehind ?? 0, 1, long.MaxValue);
        Assert.NotNull(await As("ann", () => set.Records.FindAsync(key, CancellationToken.None).AsTask()));
        Assert.Null(await As("bob", () => set.Records.FindAsync(key, CancellationToken.None).AsTask()));
        Assert.NotNull(await set.Records.FindAsync(key, CancellationToken.None));
        await standby.RunSqlAsync("SELECT pg_wal_replay_resume()");
        for (var i = 0; await As("bob", () => set.Records.FindAsync(key, CancellationToken.None).AsTask()) is null; i++)
        {
            Assert.True(i < 900, "the standby never got there");
            await Task.Delay(100);
        }

        for (var i = 0; Assert.Single(await set.Maintenance!.ListStandbysAsync(CancellationToken.None)) is not { BytesBehind: 0, SecondsBehind: 0 }; i++)
        {
            Assert.True(i < 900, "the standby stays behind");
            await Task.Delay(100);
        }

        await standby.KillAsync();
        Assert.NotNull(await As("bob", () => set.Records.FindAsync(key, CancellationToken.None).AsTask()));
        await As("bob", () => set.CommitAsync(Opened.Put("b", "1", IStorage.Documents)));
        Assert.NotNull(await As("bob", () => set.Records.FindAsync(key with { Id = "b" }, CancellationToken.None).AsTask()));
    }

    /// <summary>As a request of a caller.</summary>
    private static Task<T> As<T>(string caller, Func<Task<T>> work) => Task.Run(() =>
    {
        CallContext.Current = new CallContext(new Caller(caller, caller, [], []), CallContext.DefaultTenant, "c") { Address = "127.0.0.1" };
        return work();
    });
}
