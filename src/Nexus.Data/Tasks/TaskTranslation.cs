using Nexus.Data.Units;

namespace Nexus.Data.Tasks;

/// <summary>The records of an engine that knows no tasks: what a batch says of tasks becomes writes of records in the same commit.</summary>
internal sealed class TaskTranslation(IStorage records, RecordTasks tasks) : IJointStorage
{
    private const int MaxAttempts = 100;

    private IJointStorage Joint => records as IJointStorage ?? throw new InvalidOperationException("This storage engine cannot commit a unit of work together with a plugin's SQL database; write to one of them.");

    /// <summary>Completes a set whose engine has no tasks of its own.</summary>
    public static StorageSet Complete(StorageSet set, TimeProvider time)
    {
        if (set.Tasks is not null)
            return set;
        var tasks = new RecordTasks(set.Records, time);
        return set with { Records = new TaskTranslation(set.Records, tasks), Tasks = tasks };
    }

    public async ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Concerns(batch) ? await TranslatedAsync(batch, translated => records.CommitAsync(translated, cancellationToken).AsTask()) : await records.CommitAsync(batch, cancellationToken);
    }

    public Task CommitAsync(WriteBatch batch, IJointPart other) => Concerns(batch)
        ? TranslatedAsync(batch, async translated =>
        {
            await Joint.CommitAsync(translated, other);
            return default;
        })
        : Joint.CommitAsync(batch, other);

    /// <summary>One attempt: a unit that met a conflict has ended, and its work runs again.</summary>
    public async Task CommitAsync(WriteBatch batch, IJointUnit unit)
    {
        if (!Concerns(batch))
        {
            await unit.CommitAsync(batch);
            return;
        }

        await unit.CommitAsync(await tasks.TranslateAsync(batch));
        tasks.Signal.Fire();
    }

    public Task CompleteAsync(string name, string id, WriteBatch batch) => Joint.CompleteAsync(name, id, batch);

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => records.FindAsync(key, cancellationToken);

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => records.QueryAsync(query, cancellationToken);

    private static bool Concerns(WriteBatch batch) => !batch.Tasks.IsDefaultOrEmpty || !batch.TaskSettlements.IsDefaultOrEmpty;

    private async Task<CommitResult> TranslatedAsync(WriteBatch batch, Func<WriteBatch, Task<CommitResult>> commit)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var result = await commit(await tasks.TranslateAsync(batch));
                tasks.Signal.Fire();
                return result;
            }
            catch (StorageConflictException e) when (e.Key.Table == RecordTasks.Table && attempt < MaxAttempts)
            {
                // A beat or a request to cancel came between the reading and the commit: nothing was written; look again.
            }
        }
    }
}
