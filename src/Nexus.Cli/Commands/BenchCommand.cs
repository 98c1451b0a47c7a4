using System.CommandLine;
using System.Diagnostics;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus bench NAME</c>: starts the benchmark program of the repository.</summary>
internal static class BenchCommand
{
    public static Command Build()
    {
        var name = new Argument<string>("name") { Description = "auth, cache, swap, unload, dispatch, graphql, start, store" };
        name.AcceptOnlyFromAmong("auth", "cache", "swap", "unload", "dispatch", "graphql", "start", "store");
        var command = new Command("bench", "Measure against a baseline of the same run; exits 0 only when all bars hold") { name };
        command.SetAction(async (call, cancel) =>
        {
            var program = Path.Combine(HostProgram.Root, "bench/Nexus.Bench/bin/Release/net10.0/Nexus.Bench.dll");
            if (!File.Exists(program)) throw new CliException($"nexus: {program} is not built; benchmarks run in the repository by ./nexus bench.", ExitCodes.Unreachable);
            string[] arguments = call.GetValue(Root.Json) ? [program, call.GetValue(name)!, "--json"] : [program, call.GetValue(name)!];
            using var process = Process.Start(new ProcessStartInfo("dotnet", arguments))!;
            await process.WaitForExitAsync(cancel);
            return process.ExitCode;
        });
        return command;
    }
}
