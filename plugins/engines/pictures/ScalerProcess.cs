using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Nexus.Engines.Pictures;

/// <summary>The node's side: one process a picture, which gets the original on its standard input and answers the WebP on its standard output. It has no variables of the node's, and limits (<see cref="Confinement"/>).</summary>
internal static class ScalerProcess
{
    // A WebP of the widest and highest kind is a fraction of it.
    private const int MaxScaled = 16 * 1024 * 1024;
    private const int MaxReason = 200;

    /// <inheritdoc cref="PictureScaling"/>
    public static async ValueTask ScaleAsync(Stream original, int width, Stream scaled, CancellationToken cancellationToken)
    {
        using var process = Start(width);
        try
        {
            var input = FeedAsync(original, process.StandardInput.BaseStream, cancellationToken);
            var reason = ReadReasonAsync(process.StandardError, cancellationToken);
            await CopyAsync(process.StandardOutput.BaseStream, scaled, cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            // Waited for in any case: the stream is the caller's again after this.
            await input;
            Check(process.ExitCode, await reason);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
                await process.WaitForExitAsync(CancellationToken.None);
            }
        }
    }

    private static Process Start(int width)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(ScalerProcess).Assembly.Location, width.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        start.Environment.Clear();
        foreach (var (name, value) in Confinement.Variables)
        {
            start.Environment[name] = value;
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"The process that scales pictures does not start: {e.Message} Check that `dotnet` is on the node's PATH, and its limit of processes.", e);
        }
    }

    private static async Task FeedAsync(Stream original, Stream input, CancellationToken cancellationToken)
    {
        try
        {
            await using (input)
            {
                await original.CopyToAsync(input, cancellationToken);
            }
        }
        catch (IOException)
        {
            // It ended before it had read all, and its exit code says why. A store that fails in the middle cuts the picture off, which is told as well.
        }
    }

    private static async Task CopyAsync(Stream output, Stream scaled, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        for (int total = 0, count; (count = await output.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            total += count;
            if (total > MaxScaled)
            {
                throw new NexusException(ErrorCodes.PictureUnreadable, $"made small it has more than {MaxScaled:N0} bytes");
            }

            await scaled.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
        }
    }

    /// <summary>What it says, cut and without control characters: the process has read a stranger's bytes.</summary>
    private static async Task<string> ReadReasonAsync(StreamReader errors, CancellationToken cancellationToken)
    {
        var buffer = new char[4096];
        var text = new System.Text.StringBuilder();
        for (int count; (count = await errors.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            text.Append(buffer, 0, Math.Min(count, MaxReason - text.Length));
        }

        return string.Concat(text.ToString().Select(c => char.IsControl(c) ? ' ' : c)).Trim();
    }

    private static void Check(int exitCode, string reason)
    {
        switch ((ScalerExit)exitCode)
        {
            case ScalerExit.Scaled:
                return;
            case ScalerExit.Unreadable:
                throw new NexusException(ErrorCodes.PictureUnreadable, reason);
            case ScalerExit.NoLibrary:
                throw new NexusException(ErrorCodes.ServiceUnavailable, "There is no libvips for this machine, so pictures are not scaled: engines.pictures brings it for Linux on x64 and arm64; install it elsewhere. Ask without `width` for the original.");
            default:
                throw new NexusException(ErrorCodes.PictureUnreadable, $"reading it needs more memory or time than a picture gets, or it breaks the library (exit code {exitCode})");
        }
    }
}
