using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

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
}
