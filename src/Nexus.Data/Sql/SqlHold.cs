using System.Collections.Immutable;
using Nexus.Data.Sqlite;
using Nexus.Data.Units;

namespace Nexus.Data.Sql;

/// <summary>
/// A plugin's SQL file as part of a unit of work: one open SQLite commit, held from the unit's first write to its end.
/// Where the unit also writes to the main file, two files must agree though SQLite commits each on its own:
/// 1. the batch for the main file is stored in the SQL file, in the same commit as the plugin's rows;
/// 2. the main file's writer applies the batch, which can be refused until here;
/// 3. it commits the SQL file: now the unit is decided;
/// 4. it commits the main file, with the id of the unit.
/// A crash between 3 and 4 leaves a batch whose id the main file does not have; it is completed when the file is opened, before anything is served.
/// </summary>
internal sealed class SqlHold : IJointPart, ISqlHold
{
    private int _ended;

    private SqlHold(SqlFile file) => File = file;

    public SqlFile File { get; }

    public object Target => File;

    public string Name => Path.GetFileNameWithoutExtension(File.Path);

    /// <summary>Whether the unit still holds the file; after its end the writer is others'.</summary>
    public bool IsOpen => Volatile.Read(ref _ended) == 0;

    public string Id { get; } = Guid.CreateVersion7().ToString();

    public static async ValueTask<SqlHold> TakeAsync(SqlFile file)
    {
        await file.HoldAsync();
        try
        {
            await file.CompleteAsync();
            file.Writer.Run("BEGIN IMMEDIATE");
            return new SqlHold(file);
        }
        catch (Exception e)
        {
            file.Writer.RollbackIfOpen();
            file.Release();
            throw e is SqliteFailure failure ? SqlStatements.Explain(failure, file.Path) : e;
        }
    }

    public async ValueTask CommitAsync(WriteBatch batch, IStorage storage)
    {
        try
        {
            if (batch is { Writes: [], Events: [], Settlements: [], Audit: [], Tasks: [], TaskSettlements: [] })
            {
                Decide();
                return;
            }

            if (storage is not IJointStorage joint)
                throw new InvalidOperationException("This storage engine cannot commit a unit of work together with a plugin's SQL database; write to one of them.");
            File.Remember(Id, batch);
            await joint.CommitAsync(batch, this);
            File.Completed();
        }
        finally
        {
            End();
        }
    }

    public void Decide()
    {
        try
        {
            File.Writer.Run("COMMIT");
        }
        catch (SqliteFailure e)
        {
            throw SqlStatements.Explain(e, File.Path);
        }
    }

    /// <summary>Reads what the unit sees.</summary>
    public ImmutableArray<SqlRow> Query(string sql, IReadOnlyDictionary<string, object?>? parameters, CancellationToken cancellationToken)
    {
        lock (File.Writer)
        {
            ObjectDisposedException.ThrowIf(!IsOpen, typeof(IUnitOfWork));
            return SqlStatements.Query(File.Writer, sql, parameters, cancellationToken);
        }
    }

    public void Rollback() => End();

    private void End()
    {
        lock (File.Writer)
        {
            if (_ended == 1)
                return;
            _ended = 1;
            File.Writer.RollbackIfOpen();
        }

        File.Release();
    }
}
