using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Kernel.Events;

namespace Nexus.Kernel.Tasks;

/// <summary>This node as a worker: shows its and its tasks' life to the store, stores what they tell, and hears what is wanted of them.</summary>
internal sealed class TaskSeat(ITaskStore store, IStorage storage, RunningTasks running, TaskCounters counters, TimeProvider time, IOptions<TasksOptions> options, ILogger<TaskSeat> log) : BackgroundService
{
    public const string Workers = "nexus.workers";
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Sign = TimeSpan.FromSeconds(10);
    private readonly DateTimeOffset startedAt = time.GetUtcNow();
    private DateTimeOffset signedAt;

    public TasksOptions Options => options.Value;

    /// <summary>Machine, process and a part that no other process of the same number has.</summary>
    public string Name { get; } = string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.CreateVersion7().ToString()[^6..]}");

    /// <summary>Time within which a worker shows life, twice over.</summary>
    public static TimeSpan Seen => Sign * 3;

    /// <summary>Stores what a try told last.</summary>
    public async Task TellAsync(RunningTask task)
    {
        try
        {
            await StoreAsync([(task, task.TakeNews(always: false))]);
        }
        catch (Exception e)
        {
            log.LogWarning("The last lines of task {Id} could not be stored: {Error}", task.Task.Id, HandlerRun.Describe(e));
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!Options.Worker)
            return;
        try
        {
            await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key }] }, cancellationToken);
        }
        catch (NexusException e)
        {
            log.LogWarning("This worker could not sign off: {Error}", e.Message);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!Options.Worker)
            return;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await TurnAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.LogError("The task store did not answer: {Error}", HandlerRun.Describe(e));
            }

            await Task.Delay(Turn, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private RecordKey Key => new(CallContext.DefaultTenant, Workers, Name);

    private async Task TurnAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var all = running.All;
        // A database that does not answer keeps neither the tasks of others from showing life nor this worker from signing.
        foreach (var ofOne in all.GroupBy(t => storage.ShardOf(t.Task.Tenant)))
            await LookAfterAsync([.. ofOne], now, cancellationToken);
        if ((now - signedAt).Duration() < Sign)
            return;
        await SignAsync(now, cancellationToken);
        signedAt = now;
        var waiting = await store.CountAsync(null, TaskState.Pending, cancellationToken);
        counters.QueueLength = waiting.Sum(c => c.Count);
        counters.OldestDueAt = waiting.IsEmpty ? null : waiting.Min(c => c.OldestDueAt);
    }

    private async Task LookAfterAsync(ImmutableArray<RunningTask> tasks, DateTimeOffset now, CancellationToken cancellationToken)
    {
        try
        {
            await StoreAsync([.. tasks.Select(t => (t, t.TakeNews(now - t.BeatAt >= Options.Lease / 3)))]);
            await HearAsync([.. tasks.Where(t => now - t.StartedAt >= Turn)], cancellationToken);
        }
        catch (NexusException e)
        {
            log.LogError("The task store did not answer: {Error}", e.Message);
        }
    }

    private async Task StoreAsync(ImmutableArray<(RunningTask Task, (TaskBeat? Beat, int Told, ImmutableArray<TaskLogLine> Lines) News)> news)
    {
        var now = time.GetUtcNow();
        ImmutableArray<RecordWrite> lines = [.. news.Where(n => n.News.Lines.Length > 0).Select(n => TaskLogs.Append(n.Task.Task, n.News.Lines, now))];
        if (lines.Length > 0)
            await storage.CommitAsync(new WriteBatch { Writes = lines }, CancellationToken.None);
        ImmutableArray<TaskBeat> beats = [.. news.Where(n => n.News.Beat is not null).Select(n => n.News.Beat!.Value)];
        if (beats.Length == 0)
            return;
        await store.BeatAsync(beats, Options.Lease, CancellationToken.None);
        foreach (var (task, (beat, told, _)) in news)
        {
            if (beat is not null)
                task.Stored(told, now);
        }
    }

    /// <summary>A task that somebody called off on another node, or whose lease went to another worker while this one hung, is ended here.</summary>
    private async Task HearAsync(ImmutableArray<RunningTask> tasks, CancellationToken cancellationToken)
    {
        if (tasks.IsEmpty)
            return;
        var stored = (await store.ListAsync(new TaskQuery { Ids = [.. tasks.Select(t => t.Task.Id)], Limit = tasks.Length }, cancellationToken)).ToDictionary(t => t.Id);
        foreach (var task in tasks)
        {
            if (!stored.TryGetValue(task.Task.Id, out var now) || now.Fence != task.Task.Fence)
                task.Lose();
            else if (now.CancelRequested && !task.IsCancelled)
                task.Cancel();
        }
    }

    private async Task SignAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var worker = new TaskWorker(Name, startedAt, now, Options.Concurrency, running.Count, counters.Succeeded, counters.Failed, counters.PerMinute);
        var record = new StoredRecord { Id = Name, Revision = 1, CreatedAt = startedAt, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(worker, JsonSerializerOptions.Web) };
        await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key, Record = record }] }, cancellationToken);
    }
}
