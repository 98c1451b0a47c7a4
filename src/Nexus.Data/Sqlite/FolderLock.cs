using System.Globalization;

namespace Nexus.Data.Sqlite;

/// <summary>One process a data folder: two would each believe to be the only writer. The lock falls with its process, also when that is killed.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream _lock;
    private readonly string _pidFile;

    private FolderLock(FileStream held, string pidFile)
    {
        _lock = held;
        _pidFile = pidFile;
    }

    /// <summary>A new folder is its user's own: what lies in it (accounts, sealed fields, keys) is nobody else's to read. One that exists keeps what its operator chose.</summary>
    private static void MakeFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public static FolderLock Take(string folder)
    {
        var (lockFile, pidFile) = (Path.Combine(folder, "nexus.lock"), Path.Combine(folder, "nexus.pid"));
        FileStream held;
        try
        {
            MakeFolder(folder);
            held = new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new NexusException(ErrorCodes.StorageUnavailable, $"{folder} cannot be written: {e.Message} Give this user write access to the folder, or set database.directory to another one.", e);
        }
        catch (IOException e)
        {
            var pid = File.Exists(pidFile) ? File.ReadAllText(pidFile).Trim() : null;
            throw new NexusException(ErrorCodes.StorageUnavailable, pid is null
                ? $"{lockFile} cannot be opened: {e.Message} Check the folder, or set database.directory to another one."
                : $"{folder} is in use by another Nexus process (pid {pid}). Stop that process, or set database.directory to another folder.", e);
        }

        try
        {
            File.WriteAllText(pidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new FolderLock(held, pidFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            held.Dispose();
            throw new NexusException(ErrorCodes.StorageUnavailable, $"{folder} cannot be written: {e.Message} Free space or give this user write access there.", e);
        }
    }

    public void Dispose()
    {
        File.Delete(_pidFile);
        _lock.Dispose();
    }
}
