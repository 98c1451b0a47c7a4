namespace Nexus.Kernel.Configuration;

/// <summary>Notices that configuration files changed and calls back once they have been quiet: editors write a file in several steps.</summary>
internal sealed class ConfigurationWatch : IDisposable
{
    private readonly List<FileSystemWatcher> _watchers = [];
    private readonly HashSet<string> _files;
    private readonly ITimer _timer;
    private readonly TimeSpan _quiet;

    public ConfigurationWatch(IReadOnlyList<string> files, TimeSpan quiet, TimeProvider time, Action changed)
    {
        _quiet = quiet;
        _files = files.Select(Path.GetFullPath).ToHashSet(StringComparer.Ordinal);
        _timer = time.CreateTimer(_ => changed(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        // Folders are watched, not files: an editor replaces the file by a rename.
        foreach (var folder in _files.Select(f => Path.GetDirectoryName(f)!).Distinct().Where(Directory.Exists))
        {
            var watcher = new FileSystemWatcher(folder);
            watcher.Changed += Notice;
            watcher.Created += Notice;
            watcher.Deleted += Notice;
            watcher.Renamed += Notice;
            watcher.EnableRaisingEvents = true;
            _watchers.Add(watcher);
        }
    }

    public void Dispose()
    {
        foreach (var watcher in _watchers)
            watcher.Dispose();
        _timer.Dispose();
    }

    private void Notice(object sender, FileSystemEventArgs e)
    {
        if (_files.Contains(e.FullPath))
            _timer.Change(_quiet, Timeout.InfiniteTimeSpan);
    }
}
