using System.Diagnostics;

namespace Nexus.Engines.PostgreSql.Tests.Faults;

public sealed class NodeKillTests
{
    /// <summary>Address of the database that the child writes to.</summary>
    public const string ChildVariable = "NEXUS_TEST_POSTGRESQL_WRITER";

    private const int Rounds = 20;

    [Fact]
    public async Task Nothing_acknowledged_is_lost_and_nothing_is_half_there_when_the_node_is_killed_twenty_times()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        var acknowledged = new List<string>();
        var random = new Random(20261121);
        for (var round = 0; round < Rounds; round++)
        {
            var start = new ProcessStartInfo("dotnet", [typeof(NodeKillTests).Assembly.Location]) { RedirectStandardOutput = true };
            start.Environment[ChildVariable] = $"{round}|{address}";
            using var child = Process.Start(start)!;
            // Killed at a moment of its own within the load, however fast the load is.
            for (var more = random.Next(12, 40); more > 0; more--)
                acknowledged.Add(await child.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("the node ended by itself"));
            var rest = child.StandardOutput.ReadToEndAsync();
            await Task.Delay(random.Next(5, 120));
            child.Kill();
            await child.WaitForExitAsync();
            // The last line may be cut off, and then its acknowledgement was not told.
            var lines = (await rest).Split('\n');
            acknowledged.AddRange(lines[..^1]);
        }

        await using var set = await Opened.OpenAsync(address);
        await Writers.CheckAsync(set, acknowledged);
    }

    /// <summary>The child: commits until it dies and prints what was acknowledged.</summary>
    internal static async Task WriteForeverAsync(string argument)
    {
        var bar = argument.IndexOf('|', StringComparison.Ordinal);
        var set = await Opened.OpenAsync(argument[(bar + 1)..]);
        var output = Console.Out;
        await Writers.RunAsync(set, argument[..bar], id =>
        {
            lock (output)
            {
                output.Write(id + "\n");
                output.Flush();
            }
        }, _ => { }, CancellationToken.None);
    }
}
