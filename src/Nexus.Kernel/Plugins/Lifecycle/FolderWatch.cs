using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Notices changed plugin folders. A change is acted on when two looks in a row see the same files, so that a half-copied build is left alone.</summary>
internal sealed class FolderWatch(PluginsOptions options, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(150);

    public async Task RunAsync(Func<CancellationToken, Task> changed, CancellationToken cancellationToken)
    {
        using var wake = new SemaphoreSlim(0);
        var notices = options.Directories.Where(Directory.Exists).Select(d => Listen(d, wake)).ToArray();
        try
        {
            var seen = Fingerprint();
            while (!cancellationToken.IsCancellationRequested)
            {
                await WaitAsync(wake, cancellationToken);
                var now = Fingerprint();
                while (now != seen)
                {
                    seen = now;
                    await Task.Delay(Settle, time, cancellationToken);
                    now = Fingerprint();
                    if (now == seen)
                    {
                        await ActAsync(changed, cancellationToken);
                    }
                }
            }
        }
        finally
        {
            Array.ForEach(notices, n => n.Dispose());
        }
    }

    private async Task WaitAsync(SemaphoreSlim wake, CancellationToken cancellationToken)
    {
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var interval = Task.Delay(options.ScanInterval, time, pause.Token);
        await Task.WhenAny(interval, wake.WaitAsync(pause.Token));
        await pause.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private async Task ActAsync(Func<CancellationToken, Task> changed, CancellationToken cancellationToken)
    {
        try
        {
            await changed(cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            PluginLog.ScanFailed(logger, e.ToString());
        }
    }

    private static FileSystemWatcher Listen(string directory, SemaphoreSlim wake)
    {
        var watcher = new FileSystemWatcher(directory) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Size };
        watcher.Changed += Wake;
        watcher.Created += Wake;
        watcher.Renamed += Wake;
        watcher.Deleted += Wake;
        watcher.EnableRaisingEvents = true;
        return watcher;

        void Wake(object sender, FileSystemEventArgs e)
        {
            if (wake.CurrentCount == 0)
            {
                wake.Release();
            }
        }
    }

    private long Fingerprint()
    {
        var hash = new HashCode();
        foreach (var directory in options.Directories.Where(Directory.Exists))
        {
            foreach (var file in new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).OrderBy(f => f.FullName, StringComparer.Ordinal))
            {
                hash.Add(file.FullName);
                hash.Add(file.Exists ? file.Length : 0);
                hash.Add(file.LastWriteTimeUtc);
            }
        }

        return hash.ToHashCode();
    }
}
