using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Nexus.Kernel.Tasks;

/// <summary>Logs of tasks as records: one for what a try wrote between two looks, keyed by task, try and position, so that they come in order and go with their task.</summary>
internal static class TaskLogs
{
    public const string Table = "nexus.task_logs";
    private const int Page = 200;

    public static RecordWrite Append(TaskEntry task, ImmutableArray<TaskLogLine> lines, DateTimeOffset now)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"{task.Id}/{lines[0].Position:D20}");
        return new RecordWrite { Key = new RecordKey(task.Tenant, Table, id), Record = new StoredRecord { Id = id, Revision = 1, CreatedAt = now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(lines, JsonSerializerOptions.Web) } };
    }

    public static async ValueTask<ImmutableArray<TaskLogLine>> ReadAsync(IStorage storage, TaskEntry task, long after, CancellationToken cancellationToken)
    {
        var lines = ImmutableArray.CreateBuilder<TaskLogLine>();
        await foreach (var record in RecordsAsync(storage, task, cancellationToken))
            lines.AddRange(JsonSerializer.Deserialize<ImmutableArray<TaskLogLine>>(record.Json.Span, JsonSerializerOptions.Web).Where(l => l.Position > after));
        return lines.ToImmutable();
    }

    public static async ValueTask DeleteAsync(IStorage storage, TaskEntry task, CancellationToken cancellationToken)
    {
        var gone = ImmutableArray.CreateBuilder<RecordWrite>();
        await foreach (var record in RecordsAsync(storage, task, cancellationToken))
            gone.Add(new RecordWrite { Key = new RecordKey(task.Tenant, Table, record.Id) });
        if (gone.Count > 0)
            await storage.CommitAsync(new WriteBatch { Writes = gone.ToImmutable() }, cancellationToken);
    }

    private static async IAsyncEnumerable<StoredRecord> RecordsAsync(IStorage storage, TaskEntry task, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var page = await storage.QueryAsync(new RecordQuery { Tenant = task.Tenant, Table = Table, KeyPrefix = $"{task.Id}/", Limit = Page, Cursor = cursor }, cancellationToken);
            foreach (var record in page.Records)
                yield return record;
            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }
}
