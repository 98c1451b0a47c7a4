using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>A node dies by SIGKILL while it moves a tenant that is worked with. A lock that the test holds in a database makes it stand still at the step where it is to die.</summary>
public sealed class MoveKillTests
{
    /// <summary>Addresses of the databases for the process to kill.</summary>
    public const string ChildVariable = "NEXUS_TEST_MOVES_IN";

    [Theory]
    [InlineData("copying")]
    [InlineData("closing")]
    [InlineData("landing")]
    [InlineData("switching")]
    [InlineData("arriving")]
    [InlineData("cleaning")]
    public async Task Wherever_the_mover_dies_the_tenant_is_whole_in_one_database_and_the_next_node_goes_on(string step)
    {
        await using var place = await Place.OpenAsync(isStarted: false);
        await MoveTests.FillAsync(place.One, "acme", 500);
        var before = await MoveTests.ContentsAsync(place.One, "acme");
        using var ending = new CancellationTokenSource();
        var load = new Load(place);
        var running = load.RunAsync(ending.Token);
        var moves = place.One.Services.GetRequiredService<ITenantMoves>();

        using (var mover = await StartAsync(place))
        {
            await using var hold = new Hold(place);
            await hold.AtAsync(step);
            await moves.StartAsync("acme", "beta", CancellationToken.None);
            await hold.ReachedAsync(step, moves);
            mover.Kill(entireProcessTree: true);
            await mover.WaitForExitAsync();
        }

        await place.Two.StartAsync();
        var ended = await Place.EndAsync(moves, "acme");
        await ending.CancelAsync();
        await running;

        Assert.True(ended.State == TenantMoveState.Done, ended.Error);
        Assert.Empty(load.Failures);
        await load.CheckAsync();
        var after = await MoveTests.ContentsAsync(place.One, "acme");
        Assert.Empty(before.Split('\n').Except(after.Split('\n')));
        foreach (var sql in MoveTests.Traces("acme"))
            Assert.Equal((0L, sql), (await Databases.CountAsync(place.First, sql), sql));
    }

    /// <summary>The process to kill: a node that moves tenants.</summary>
    internal static async Task ServeAsync(string addresses)
    {
        var parts = addresses.Split('|');
        await using var node = await Place.NodeAsync(parts[0], parts[1]);
        await node.StartAsync();
        Console.WriteLine("ready");
        await Task.Delay(Timeout.InfiniteTimeSpan);
    }

    private static async Task<Process> StartAsync(Place place)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(MoveKillTests).Assembly.Location]) { RedirectStandardOutput = true };
        start.Environment[ChildVariable] = $"{place.First}|{place.Second}";
        var mover = Process.Start(start)!;
        while (await mover.StandardOutput.ReadLineAsync() is { } line && line != "ready")
        {
        }

        return mover;
    }

    /// <summary>Locks by which the mover stands still.</summary>
    private sealed class Hold(Place place) : IAsyncDisposable
    {
        private readonly List<NpgsqlConnection> _held = [];

        public Task AtAsync(string step) => step switch
        {
            "copying" => LockAsync(place.Second, "LOCK TABLE arriving_events IN ACCESS EXCLUSIVE MODE"),
            "closing" => LockAsync(place.First, "LOCK TABLE tasks IN EXCLUSIVE MODE"),
            "landing" => LockAsync(place.Second, "LOCK TABLE deliveries IN EXCLUSIVE MODE"),
            "switching" or "arriving" => LockAsync(place.First, "LOCK TABLE \"nexus.placements\" IN EXCLUSIVE MODE"),
            _ => Task.CompletedTask,
        };

        /// <summary>Waits, bounded, until the mover is there.</summary>
        public async Task ReachedAsync(string step, ITenantMoves moves)
        {
            if (step == "cleaning")
            {
                await UntilAsync(async () => (await moves.ListAsync(CancellationToken.None)).Any(m => m is { State: TenantMoveState.Cleaning, ClosedMilliseconds: not null }));
                return;
            }

            var where = step is "copying" or "landing" ? place.Second : place.First;
            await UntilAsync(async () => await Databases.CountAsync(where, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL AND database=(SELECT oid FROM pg_database WHERE datname=current_database())") > 0);
            if (step != "arriving")
                return;
            await LockAsync(place.Second, "LOCK TABLE tenant_marks IN EXCLUSIVE MODE");
            await _held[0].DisposeAsync();
            await UntilAsync(async () => await Databases.CountAsync(place.Second, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation='tenant_marks'::regclass") > 0);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var connection in _held)
                await connection.DisposeAsync();
        }

        private async Task LockAsync(string address, string sql)
        {
            var connection = new NpgsqlConnection(address + ";Search Path=nexus;Pooling=false");
            _held.Add(connection);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("BEGIN; " + sql, connection);
            await command.ExecuteNonQueryAsync();
        }

        private static async Task UntilAsync(Func<Task<bool>> isSo)
        {
            for (var i = 0; !await isSo(); i++)
            {
                Assert.True(i < 1200, "the mover does not come there");
                await Task.Delay(50);
            }
        }
    }
}
