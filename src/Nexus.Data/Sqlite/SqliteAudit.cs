using System.Buffers.Binary;
using System.Collections.Immutable;
using Nexus.Data.Events;

namespace Nexus.Data.Sqlite;

/// <summary>
/// The queue of audit entries in the main file. The entries of a group of commits share a row: a row each would be inserted, read and deleted
/// for every change of a record. A row has the position of its last entry; the newest row always stays, so that positions never start again.
/// </summary>
internal sealed class SqliteAudit(MainFile file) : IAuditQueue
{
    public const string Schema = "CREATE TABLE IF NOT EXISTS audit_queue (position INTEGER PRIMARY KEY, entry BLOB NOT NULL);";

    /// <summary>Entries of a row; a reader takes whole rows.</summary>
    private const int MaxOfRow = 256;

    // An encoded entry begins with its version, 1: a row that does is an entry alone, as earlier versions of Nexus wrote them.
    private const byte Several = 2;

    private readonly CommitSignal _signal = new();
    private bool _appended;

    /// <summary>Runs on the writer, inside its unit of work, once for a group of jobs.</summary>
    public void Append(Connection connection, IEnumerable<byte[]> encoded)
    {
        foreach (var entries in encoded.Chunk(MaxOfRow))
        {
            var row = new byte[1 + entries.Sum(static e => 4 + e.Length)];
            row[0] = Several;
            var rest = row.AsSpan(1);
            foreach (var entry in entries)
            {
                BinaryPrimitives.WriteInt32BigEndian(rest, entry.Length);
                entry.CopyTo(rest[4..]);
                rest = rest[(4 + entry.Length)..];
            }

            using var insert = connection.Prepare("INSERT INTO audit_queue (position,entry) VALUES ((SELECT coalesce(max(position),0) FROM audit_queue)+?1, ?2)");
            insert.Bind(1, entries.Length).BindBlob(2, row).Step();
            _appended = true;
        }
    }

    /// <summary>Runs on the writer after each commit.</summary>
    public void Committed()
    {
        if (!_appended)
            return;
        _appended = false;
        _signal.Fire();
    }

    public ValueTask<ImmutableArray<QueuedAuditEntry>> ReadAsync(long after, int limit, CancellationToken cancellationToken) =>
        ValueTask.FromResult(file.Read((after, limit), static (connection, state) =>
        {
            var found = ImmutableArray.CreateBuilder<QueuedAuditEntry>();
            using var statement = connection.Prepare("SELECT position,entry FROM audit_queue WHERE position>?1 ORDER BY position");
            statement.Bind(1, state.after);
            while (found.Count < state.limit && statement.Step())
                AddRow(found, statement.Integer(0), statement.Bytes(1), state.after, state.limit);
            return found.ToImmutable();
        }));

    public async ValueTask RemoveAsync(long through, CancellationToken cancellationToken) => await file.Writer.RunAsync(connection =>
    {
        using var delete = connection.Prepare("DELETE FROM audit_queue WHERE position<=?1 AND position<(SELECT max(position) FROM audit_queue)");
        delete.Bind(1, through).Step();
        return true;
    });

    public async ValueTask WaitAsync(long after, CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = _signal.Next;
            if (file.Read(0, static (connection, _) => connection.Scalar("SELECT max(position) FROM audit_queue")) > after)
                return;
            await next.WaitAsync(cancellationToken);
        }
    }

    private static void AddRow(ImmutableArray<QueuedAuditEntry>.Builder found, long last, byte[] row, long after, int limit)
    {
        if (row is not [Several, ..])
        {
            found.Add(new QueuedAuditEntry(last, row));
            return;
        }

        var count = 0;
        for (var at = 1; at < row.Length; at += 4 + LengthAt(row, at))
            count++;
        var position = last - count;
        for (var at = 1; at < row.Length && found.Count < limit; at += 4 + LengthAt(row, at))
        {
            if (++position > after)
                found.Add(new QueuedAuditEntry(position, row.AsMemory(at + 4, LengthAt(row, at))));
        }
    }

    private static int LengthAt(byte[] row, int at) => BinaryPrimitives.ReadInt32BigEndian(row.AsSpan(at));
}
