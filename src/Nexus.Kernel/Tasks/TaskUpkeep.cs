using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Kernel.Events;

namespace Nexus.Kernel.Tasks;

/// <summary>Removes finished tasks with their logs when their time is over, and workers that never signed off.</summary>
internal sealed class TaskUpkeep(ITaskStore store, IStorage storage, TimeProvider time, IOptions<TasksOptions> options, ILogger<TaskUpkeep> log) : BackgroundService
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Turn = TimeSpan.FromMinutes(10);
    private const int Batch = 200;

    /// <summary>Removes what is over now; how many tasks went.</summary>
    public async Task<long> RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var count = 0L;
        ImmutableArray<TaskEntry> gone;
        do
        {
            gone = await store.PurgeAsync(new TaskPurge(now - options.Value.Retention, Batch), cancellationToken);
            foreach (var task in gone)
                await TaskLogs.DeleteAsync(storage, task, cancellationToken);
            count += gone.Length;
        }
        while (gone.Length == Batch);

        var workers = (await TaskMonitor.ReadAsync(storage, cancellationToken)).Where(w => now - w.SeenAt > TimeSpan.FromHours(1)).ToList();
        if (workers.Count > 0)
            await storage.CommitAsync(new WriteBatch { Writes = [.. workers.Select(w => new RecordWrite { Key = new RecordKey(CallContext.DefaultTenant, TaskSeat.Workers, w.Name) })] }, cancellationToken);
        return count;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Delay(First, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RunAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.LogError("Finished tasks could not be removed; trying again later: {Error}", HandlerRun.Describe(e));
            }

            await Task.Delay(Turn, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
