using System.Globalization;

namespace Nexus.Cli;

/// <summary>The local NuGet folder from which new plugins take the SDK, so that they build without a published package and offline.</summary>
internal static class PackageFeed
{
    private static readonly string[] Sdk = ["Nexus.Abstractions", "Nexus.Kernel", "Nexus.Data", "Nexus.Gateway", "Nexus.Testing"];

    /// <summary>What a program with the host inside needs beyond the SDK; the host's package is named <c>Nexus</c>.</summary>
    private static readonly string[] Hosting = ["Nexus.Console", "Nexus.Diagnostics", "Nexus.Host"];

    public static string Folder => Path.Combine(HostProgram.Root, "artifacts", "release", "packages");

    /// <summary>Packs the SDK as it is built now, unless that was done already, and returns its version. The version carries the build's time: NuGet never looks twice at a version that it knows.</summary>
    /// <param name="withHost">Also the host.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static async Task<string> EnsureAsync(bool withHost, CancellationToken cancellationToken)
    {
        string[] projects = [.. Sdk, .. withHost ? Hosting.Where(p => File.Exists(Built(p))) : []];
        // Of all of them in both cases, so that an application and its plugins get one version.
        var built = Sdk.Concat(Hosting).Where(p => File.Exists(Built(p))).Max(p => File.GetLastWriteTimeUtc(Built(p)));
        var version = $"0.1.0-local.{built.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture)}";
        Directory.CreateDirectory(Folder);
        // Two commands at once: one packs, the other waits and finds the packages whole.
        using var turn = await TurnAsync(Path.Combine(Folder, ".lock"), cancellationToken);
        foreach (var project in projects.Where(p => !File.Exists(Path.Combine(Folder, $"{(p == "Nexus.Host" ? "Nexus" : p)}.{version}.nupkg"))))
            await HostProgram.CaptureAsync("dotnet", ["pack", Path.Combine(HostProgram.Root, "src", project), "-c", "Release", "--no-build", "-o", Folder, $"-p:PackageVersion={version}", "-v", "q"], HostProgram.Root, cancellationToken);
        return version;
    }

    private static string Built(string project) => Path.Combine(HostProgram.Root, "src", project, "bin", "Release", "net10.0", $"{project}.dll");

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
