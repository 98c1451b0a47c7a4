using System.Runtime.CompilerServices;
using Nexus.Tests.Shared;

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
    public static Task<(int ExitCode, string Output, string Errors)> RunAsync(string program, IEnumerable<string> arguments, string directory, IReadOnlyDictionary<string, string>? environment = null, int seconds = 300) =>
        ToolProcess.RunAsync(program, arguments, directory, environment, seconds);

    /// <summary>Runs the CLI against a host.</summary>
    public static Task<(int ExitCode, string Output, string Errors)> CliAsync(RunningHost host, params string[] arguments) =>
        RunAsync("dotnet", [Cli, .. arguments], host.Folder, new Dictionary<string, string> { ["NEXUS_URL"] = host.Address.ToString(), ["NEXUS_HOST_ROOT"] = Root });
}
