using SQLitePCL;

namespace Nexus.Data.Sqlite;

/// <summary>A result code of SQLite that is not success. Stays inside this room; <see cref="Explain"/> makes of it what the operator is told.</summary>
internal sealed class SqliteFailure(int code, string message) : Exception(message)
{
    /// <summary>Extended result code.</summary>
    public int Code { get; } = code;

    private int Primary => Code & 0xFF;

    public bool IsKeyTaken => Code == raw.SQLITE_CONSTRAINT_PRIMARYKEY;

    public bool IsUniqueViolation => Code == raw.SQLITE_CONSTRAINT_UNIQUE;

    public bool IsMissingTable => Primary == raw.SQLITE_ERROR && Message.Contains("no such table", StringComparison.Ordinal);

    /// <summary>The disk or file failed, so nothing of the running group of commits can be trusted.</summary>
    public bool IsStorageFault => Primary is raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_NOMEM or raw.SQLITE_READONLY or raw.SQLITE_CANTOPEN or raw.SQLITE_BUSY;

    public NexusException Explain(string file) => Primary switch
    {
        raw.SQLITE_FULL => new(ErrorCodes.StorageUnavailable, $"The disk with {file} is full; nothing of the change was stored. Free space there; the node goes on by itself.", this),
        raw.SQLITE_READONLY or raw.SQLITE_PERM => new(ErrorCodes.StorageUnavailable, $"{file} cannot be written: the file or its folder is read-only for this user. Give the user write access, or set database.directory to another folder.", this),
        raw.SQLITE_CANTOPEN => new(ErrorCodes.StorageUnavailable, $"{file} cannot be opened: {Message}. Check that the folder exists and that this user may read and write it.", this),
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => new(ErrorCodes.StorageCorrupt, $"{file} is damaged or not a SQLite database ({Message}). Stop the node, keep a copy of the file and restore a backup.", this),
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => new(ErrorCodes.StorageUnavailable, $"{file} is held by another program ({Message}). Close that program.", this),
        raw.SQLITE_IOERR => new(ErrorCodes.StorageUnavailable, $"Reading or writing {file} failed ({Message}). Check the disk.", this),
        _ => new(ErrorCodes.StorageUnavailable, $"SQLite failed on {file}: {Message} (code {Code}).", this),
    };
}
