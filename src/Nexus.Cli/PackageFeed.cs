using System.Globalization;

namespace Nexus.Cli;

/// <summary>The local NuGet folder from which new plugins take the SDK, so that they build without a published package and offline.</summary>
internal static class PackageFeed
{
    private static readonly string[] Projects = ["Nexus.Abstractions", "Nexus.Kernel", "Nexus.Data", "Nexus.Gateway", "Nexus.Testing"];

    public static string Folder => Path.Combine(HostProgram.Root, "artifacts", "release", "packages");

    /// <summary>Packs the SDK as it is built now, unless that was done already, and returns its version. The version carries the build's time: NuGet never looks twice at a version that it knows.</summary>
    public static async Task<string> EnsureAsync(CancellationToken cancellationToken)
    {
        var built = Projects.Max(p => File.GetLastWriteTimeUtc(Path.Combine(HostProgram.Root, "src", p, "bin", "Release", "net10.0", $"{p}.dll")));
        var version = $"0.1.0-local.{built.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture)}";
        Directory.CreateDirectory(Folder);
        // Two commands at once: one packs, the other waits and finds the packages whole.
        using var turn = await TurnAsync(Path.Combine(Folder, ".lock"), cancellationToken);
        foreach (var project in Projects.Where(p => !File.Exists(Path.Combine(Folder, $"{p}.{version}.nupkg"))))
            await HostProgram.CaptureAsync("dotnet", ["pack", Path.Combine(HostProgram.Root, "src", project), "-c", "Release", "--no-build", "-o", Folder, $"-p:PackageVersion={version}", "-v", "q"], HostProgram.Root, cancellationToken);
        return version;
    }

    private static async Task<FileStream> TurnAsync(string file, CancellationToken cancellationToken)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (tries < 1200)
            {
                await Task.Delay(100, cancellationToken);
            }
        }
    }
}
