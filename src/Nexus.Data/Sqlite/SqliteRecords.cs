using System.Collections.Frozen;
using System.Collections.Immutable;
using Nexus.Data.Measuring;
using Nexus.Data.Records;
using Nexus.Data.Units;

namespace Nexus.Data.Sqlite;

/// <summary>Records in the main file.</summary>
internal sealed class SqliteRecords(MainFile file) : IJointStorage, IQueryPlans
{
    internal MainFile File => file;

    public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var write in batch.Writes)
            RecordColumns.CheckKey(write.Key);
        var job = new CommitJob(file, batch);
        file.Writer.Post(job);
        return new ValueTask<CommitResult>(job.Task);
    }

    public Task CommitAsync(WriteBatch batch, IJointPart other)
    {
        foreach (var write in batch.Writes)
            RecordColumns.CheckKey(write.Key);
        var job = new CommitJob(file, batch, other);
        file.Writer.Post(job);
        return job.Task;
    }

    public Task CompleteAsync(string name, string id, WriteBatch batch)
    {
        var job = new CommitJob(file, batch, new CompletedPart(name, id));
        file.Writer.Post(job);
        return job.Task;
    }

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken)
    {
        RecordColumns.CheckKey(key);
        return ValueTask.FromResult(file.Read(key, static (connection, key) => Find(connection, key)));
    }

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        RecordColumns.CheckTable(query.Table);
        ArgumentOutOfRangeException.ThrowIfLessThan(query.Limit, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(query.Offset);
        var cursor = query.Cursor is { } text ? Cursor.Read(file.CursorSecret, query, text) : null;
        var plan = new SqliteQuery(query, cursor, file.SearchOf(query.Table));
        return ValueTask.FromResult(file.Read((query, plan), (connection, state) => Page(connection, state.query, state.plan, cancellationToken)));
    }

    public string Statement(RecordQuery query) => StatementShape.Of(Plan(query).PageSql);

    public ValueTask<string> ExplainAsync(RecordQuery query)
    {
        var plan = Plan(query);
        return ValueTask.FromResult(file.Read(plan, static (connection, plan) =>
        {
            using var statement = connection.Prepare("EXPLAIN QUERY PLAN " + plan.PageSql);
            plan.Bind(statement);
            var lines = new List<string>();
            while (statement.Step())
                lines.Add(statement.Text(3) ?? "");
            return string.Join('\n', lines);
        }));
    }

    private SqliteQuery Plan(RecordQuery query) => new(query, query.Cursor is { } text ? Cursor.Read(file.CursorSecret, query, text) : null, file.SearchOf(query.Table));

    private static StoredRecord? Find(Connection connection, in RecordKey key)
    {
        try
        {
            using var statement = connection.Prepare(TableSql.Of(key.Table).Find);
            statement.Bind(1, key.Tenant).Bind(2, key.Id);
            return statement.Step() ? ReadRecord(statement, key.Id, firstColumn: 0) : null;
        }
        catch (SqliteFailure e) when (e.IsMissingTable)
        {
            return null;
        }
    }

    private RecordPage Page(Connection connection, RecordQuery query, SqliteQuery plan, CancellationToken cancellationToken)
    {
        try
        {
            if (!query.Count)
                return new RecordPage(ReadPage(connection, query, plan, cancellationToken, out var onlyCursor), onlyCursor);

            // One snapshot for both, or the count could belong to another moment than the page.
            connection.Run("BEGIN");
            try
            {
                var records = ReadPage(connection, query, plan, cancellationToken, out var cursor);
                // A list that ends on its first page is counted already.
                if (cursor is null && query is { Cursor: null, Offset: 0 })
                    return new RecordPage(records, null, records.Length);
                using var count = connection.Prepare(plan.CountSql);
                plan.Bind(count, plan.CountParameters);
                count.Step();
                return new RecordPage(records, cursor, count.Integer(0));
            }
            finally
            {
                connection.RollbackIfOpen();
            }
        }
        catch (SqliteFailure e) when (e.IsMissingTable)
        {
            return new RecordPage([], null, query.Count ? 0 : null);
        }
    }

    private ImmutableArray<StoredRecord> ReadPage(Connection connection, RecordQuery query, SqliteQuery plan, CancellationToken cancellationToken, out string? next)
    {
        const int sortColumn = 8;
        using var statement = connection.Prepare(plan.PageSql);
        plan.Bind(statement);
        var records = ImmutableArray.CreateBuilder<StoredRecord>();
        var values = ImmutableArray<JsonScalar>.Empty;
        next = null;
        while (statement.Step())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (records.Count == query.Limit)
            {
                next = new Cursor(values, records[^1].Id).Write(file.CursorSecret, query);
                break;
            }

            records.Add(ReadRecord(statement, statement.Text(0)!, firstColumn: 1));
            if (records.Count == query.Limit)
                values = [.. Enumerable.Range(sortColumn, query.Sort.Length).Select(statement.Scalar)];
        }

        return records.DrainToImmutable();
    }

    public static StoredRecord ReadRecord(Statement statement, string id, int firstColumn) => new()
    {
        Id = id,
        Revision = statement.Integer(firstColumn),
        Owner = statement.Text(firstColumn + 1),
        Team = statement.Text(firstColumn + 2),
        CreatedAt = RecordColumns.FromMicroseconds(statement.Integer(firstColumn + 3)),
        UpdatedAt = RecordColumns.FromMicroseconds(statement.Integer(firstColumn + 4)),
        SchemaVersion = (int)statement.Integer(firstColumn + 5),
        Json = statement.Bytes(firstColumn + 6),
    };
}
