using System.Diagnostics;
using System.Globalization;

namespace Nexus.Faults.Tests.Nodes;

/// <summary>A file system of a few megabytes that can be filled to its last byte.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private SmallDisk(string folder) => Folder = folder;

    public string Folder { get; }

    private string Filler => Path.Combine(Folder, "filler");

    /// <summary>Mounts one; the test is skipped, with the reason, where that is not allowed.</summary>
    public static async Task<SmallDisk> MountAsync(int megabytes)
    {
        var disk = new SmallDisk(Directory.CreateTempSubdirectory("nexus-disk-").FullName);
        var code = await RunAsync("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m,mode=1777"), "nexus-disk", disk.Folder);
        if (code != 0)
            Directory.Delete(disk.Folder);
        Assert.SkipWhen(code != 0, "This user may not mount a file system.");
        return disk;
    }

    public async Task FillAsync()
    {
        await using var filler = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        // Ever smaller pieces, until not one byte more is taken.
        for (var piece = new byte[1 << 20]; piece.Length > 0;)
        {
            try
            {
                await filler.WriteAsync(piece);
            }
            catch (IOException)
            {
                piece = new byte[piece.Length / 2];
            }
        }
    }

    public void Free() => File.Delete(Filler);

    public async ValueTask DisposeAsync()
    {
        await RunAsync("umount", "-l", Folder);
        Directory.Delete(Folder);
    }

    private static async Task<int> RunAsync(string program, params string[] arguments)
    {
        using var run = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await run.StandardError.ReadToEndAsync();
        await run.WaitForExitAsync();
        return run.ExitCode;
    }
}
