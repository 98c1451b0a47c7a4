using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Nexus.EndToEnd.Tests;

/// <summary>The product as a stranger has it: programs and folders, no types.</summary>
internal static class Programs
{
#if DEBUG
    public const string Configuration = "Debug";
#else
    public const string Configuration = "Release";
#endif

    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));

    public static string Host => Path.Combine(Root, "src", "Nexus.Host", "bin", Configuration, "net10.0", "Nexus.Host.dll");

    public static string Cli => Path.Combine(Root, "src", "Nexus.Cli", "bin", Configuration, "net10.0", "nexus.dll");

    public static string Samples => Path.Combine(Root, "artifacts", Configuration.ToLowerInvariant(), "samples");

    public static string Plugins => Path.Combine(Root, "artifacts", Configuration.ToLowerInvariant(), "plugins");

    private static string Here([CallerFilePath] string path = "") => path;

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string program, IEnumerable<string> arguments, string directory, IReadOnlyDictionary<string, string>? environment = null, int seconds = 120)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["MSBUILDTERMINALLOGGER"] = "off";
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Runs the CLI against a host.</summary>
    public static Task<(int ExitCode, string Output, string Errors)> CliAsync(RunningHost host, params string[] arguments) =>
        RunAsync("dotnet", [Cli, .. arguments], host.Folder, new Dictionary<string, string> { ["NEXUS_URL"] = host.Address.ToString(), ["NEXUS_HOST_ROOT"] = Root });
}
