using System.CommandLine;
using System.Diagnostics;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus bench NAME</c>: starts the benchmark program of the repository.</summary>
internal static class BenchCommand
{
    private const string Faults = "faults";
    private static readonly string[] Names = ["auth", "audit", "cache", "console", "dispatch", "events", "graphql", "grpc", "live", "moves", "nodes", "start", "store", "swap", "tasks", "unload", Faults];

    public static Command Build()
    {
        var name = new Argument<string>("name") { Description = string.Join(", ", Names) };
        name.AcceptOnlyFromAmong(Names);
        var command = new Command("bench", "Measure against a baseline of the same run; exits 0 only when all bars hold") { name };
        command.SetAction(async (call, cancel) =>
        {
            if (call.GetValue(name) == Faults) return await RunFaultsAsync(cancel);
            var program = Path.Combine(HostProgram.Root, "bench/Nexus.Bench/bin/Release/net10.0/Nexus.Bench.dll");
            if (!File.Exists(program)) throw new CliException($"nexus: {program} is not built; benchmarks run in the repository by ./nexus bench.", ExitCodes.Unreachable);
            string[] arguments = call.GetValue(Root.Json) ? [program, call.GetValue(name)!, "--json"] : [program, call.GetValue(name)!];
            using var process = Process.Start(new ProcessStartInfo("dotnet", arguments))!;
            await process.WaitForExitAsync(cancel);
            return process.ExitCode;
        });
        return command;
    }

    /// <summary>The test of nodes that die at random, as long as the bar asks for; it says its seed and its figures.</summary>
    private static async Task<int> RunFaultsAsync(CancellationToken cancel)
    {
        var program = Path.Combine(HostProgram.Root, "tests/Nexus.Faults.Tests/bin/Release/net10.0/Nexus.Faults.Tests.dll");
        if (!File.Exists(program)) throw new CliException($"nexus: {program} is not built; benchmarks run in the repository by ./nexus bench.", ExitCodes.Unreachable);
        var start = new ProcessStartInfo("dotnet", [program, "-noLogo", "-noColor", "-showLiveOutput", "-method", "*killed_at_random*"]);
        start.Environment.TryAdd("NEXUS_FAULTS_OPERATIONS", "100000");
        start.Environment.TryAdd("NEXUS_FAULTS_SEED", "7");
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(cancel);
        return process.ExitCode;
    }
}
