using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Nexus.Tests.Shared;

/// <summary>Programs of others. Those of npm are installed once into <c>artifacts/foreign</c>, from the lock file beside their list.</summary>
internal static class ForeignTools
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<(string? Folder, string Reason)>>> Installed = new();

    /// <summary>The folder of the scripts with their packages; the test is skipped, with the reason, where they cannot be had.</summary>
    /// <param name="part">Folder below, for programs whose packages do not go with those of the others.</param>
    public static async Task<string> FolderAsync(string part = "")
    {
        var (folder, reason) = await Installed.GetOrAdd(part, static one => new(() => InstallAsync(one))).Value;
        Assert.SkipWhen(folder is null, reason);
        return folder!;
    }

    /// <summary>Runs a program to its end, at most five minutes; what it printed.</summary>
    public static async Task<string> RunAsync(string program, string folder, params string[] arguments)
    {
        var (code, output, errors) = await ToolProcess.RunAsync(program, arguments, folder);
        Assert.True(code == 0, $"{program} ended with {code}: {errors} {output}");
        return output;
    }

    private static async Task<(string? Folder, string Reason)> InstallAsync(string part)
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));
        var (from, to) = (Path.Combine(root, "tests", "foreign", part), Path.Combine(root, "artifacts", "foreign", part));
        Directory.CreateDirectory(to);
        // Two runs may come at once; the first installs.
        using var held = await LockAsync(Path.Combine(to, "lock"));
        foreach (var file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        var wanted = Convert.ToHexString(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(from, "package-lock.json"))));
        var stamp = Path.Combine(to, "installed");
        if (File.Exists(stamp) && await File.ReadAllTextAsync(stamp) == wanted) return (to, "");
        try
        {
            var (code, output, errors) = await ToolProcess.RunAsync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], to);
            if (code != 0) return (null, $"npm cannot install tests/foreign/{part}: {errors} {output}");
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or OperationCanceledException)
        {
            return (null, $"npm cannot install tests/foreign/{part}: {error.Message}");
        }

        await File.WriteAllTextAsync(stamp, wanted);
        return (to, "");
    }

    private static async Task<FileStream> LockAsync(string path)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (tries < 6000)
            {
                await Task.Delay(100);
            }
        }
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
