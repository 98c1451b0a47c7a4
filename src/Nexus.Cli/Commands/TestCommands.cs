using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus test run</c>: every test project below a folder, with counts at the end.</summary>
internal static partial class TestCommands
{
    public static Command Build()
    {
        var folder = new Argument<string>("folder") { Description = "Where to look for test projects", DefaultValueFactory = _ => "." };
        var filter = new Option<string?>("--filter") { Description = "Only tests whose full name contains this" };
        var run = new Command("run", "Run the tests below a folder; exits 1 when one fails") { folder, filter };
        run.SetAction(async (call, cancel) =>
        {
            var root = Path.GetFullPath(call.GetValue(folder)!);
            var projects = Directory.Exists(root) ? Directory.EnumerateFiles(root, "*.csproj", SearchOption.AllDirectories).Where(IsTest).Order(StringComparer.Ordinal).ToList() : [];
            if (projects.Count == 0) throw new CliException($"nexus: no test project below {root}.\nusage: nexus test run [folder]", ExitCodes.Usage);
            int passed = 0, failed = 0;
            foreach (var project in projects)
            {
                var (output, exitCode) = await RunAsync(project, call.GetValue(filter), cancel);
                var counts = Counts().Match(output);
                passed += counts.Success ? int.Parse(counts.Groups["passed"].Value, System.Globalization.CultureInfo.InvariantCulture) : 0;
                // A run without a summary did not build or died: silence is not success.
                failed += counts.Success ? int.Parse(counts.Groups["failed"].Value, System.Globalization.CultureInfo.InvariantCulture) : 1;
                if (exitCode != 0) await Console.Error.WriteLineAsync(output.TrimEnd());
            }

            Output.Print(call, new JsonObject { ["passed"] = passed, ["failed"] = failed, ["projects"] = projects.Count }, _ => Console.WriteLine($"{passed} passed, {failed} failed"));
            return failed == 0 ? ExitCodes.Done : ExitCodes.Refused;
        });
        return new Command("test", "Run tests of plugins") { run };
    }

    private static bool IsTest(string project) =>
        !project.Split(Path.DirectorySeparatorChar).Any(p => p is "bin" or "obj") && File.ReadAllText(project) is var text && (text.Contains("xunit", StringComparison.OrdinalIgnoreCase) || text.Contains("Microsoft.NET.Test.Sdk", StringComparison.Ordinal));

    private static async Task<(string Output, int ExitCode)> RunAsync(string project, string? filter, CancellationToken cancel)
    {
        string[] arguments = filter is null ? ["test", project, "--nologo"] : ["test", project, "--nologo", "--filter", $"FullyQualifiedName~{filter}"];
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetDirectoryName(project) };
        start.Environment["MSBUILDTERMINALLOGGER"] = "off";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        return (await output + await errors, process.ExitCode);
    }

    [GeneratedRegex(@"Failed:\s*(?<failed>\d+), Passed:\s*(?<passed>\d+)")]
    private static partial Regex Counts();
}
