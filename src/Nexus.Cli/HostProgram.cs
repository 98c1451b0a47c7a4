using System.Diagnostics;

namespace Nexus.Cli;

/// <summary>The host program beside this one: <c>run</c> and the offline tools (packing, validating) are its, because only it knows the rooms.</summary>
internal static class HostProgram
{
    /// <summary>Folder of the installation: <c>NEXUS_HOST_ROOT</c> (set by the launcher), else the folder above this program.</summary>
    public static string Root => Environment.GetEnvironmentVariable("NEXUS_HOST_ROOT") ?? AppContext.BaseDirectory;

    public static string Path
    {
        get
        {
            string[] places = [System.IO.Path.Combine(Root, "src/Nexus.Host/bin/Release/net10.0/Nexus.Host.dll"), System.IO.Path.Combine(AppContext.BaseDirectory, "Nexus.Host.dll")];
            return places.FirstOrDefault(File.Exists) ?? throw new CliException($"nexus: the host program is not at {string.Join(" or ", places)}; run ./nexus once to build it.", ExitCodes.Unreachable);
        }
    }

    /// <summary>Runs it with the terminal's own streams and returns its exit code.</summary>
    public static async Task<int> RunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Path, .. arguments]))!;
        // Ctrl-C reaches the child by itself; it drains and stops, and this program waits for it.
        await process.WaitForExitAsync(CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
        return process.ExitCode;
    }

    /// <summary>Runs a program and returns what it printed; throws with its output when it fails.</summary>
    public static async Task<string> CaptureAsync(string program, IEnumerable<string> arguments, string directory, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory };
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["MSBUILDTERMINALLOGGER"] = "off";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0 ? await output : throw new CliException($"{System.IO.Path.GetFileName(program)} {arguments.FirstOrDefault()} failed:\n{Shorten(await output + await errors)}", ExitCodes.Invalid);
    }

    private static string Shorten(string log)
    {
        var errors = log.Split('\n').Where(l => l.Contains(": error ", StringComparison.Ordinal)).Select(l => l.Trim()).Distinct().ToList();
        return string.Join('\n', errors.Count > 0 ? errors.Take(30) : log.Split('\n').TakeLast(30));
    }
}
