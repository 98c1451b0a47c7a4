using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Kernel.Events;
using Nexus.Kernel.Tasks.Transport;

namespace Nexus.Kernel.Tasks;

/// <summary>Takes due tasks, as many as this node has room for, and sleeps while nothing is due.</summary>
/// <remarks>The loop's frame lives as long as the node. It holds names and entries only: a declaration in one of its locals would keep an unloaded plugin in memory.</remarks>
internal sealed class TaskLoop(TaskIntake intake, TaskCatalog catalog, TaskRun runs, RunningTasks running, TaskSeat seat, TaskCounters counters, TimeProvider time, ILogger<TaskLoop> log) : BackgroundService
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BusyPatience = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryAfterStoreFailure = TimeSpan.FromSeconds(1);
    private readonly SettlementWriter<TaskSettlement> settlements = new(
        async batch =>
        {
            try
            {
                await intake.SettleAsync(batch);
            }
            finally
            {
                counters.Settled(batch);
            }
        },
        log);
    private readonly CancellationTokenSource handBack = new();
    private readonly Lock wakeGate = new();
    private CancellationTokenSource wake = new();
    private volatile bool someHeldBack;

    private TasksOptions Options => seat.Options;

    /// <summary>Completes when the end of every try that ended before is in the store.</summary>
    public Task FlushAsync() => settlements.FlushAsync();

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Options.StopTimeout);
        await IdleAsync(limit.Token);
        await handBack.CancelAsync();
        using var last = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await IdleAsync(last.Token);
        await FlushAsync().WaitAsync(TimeSpan.FromSeconds(5), CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public override void Dispose()
    {
        wake.Dispose();
        handBack.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!Options.Worker)
            return;
        catalog.Changed += Wake;
        try
        {
            while (!stoppingToken.IsCancellationRequested)
                await TurnAsync(stoppingToken);
        }
        finally
        {
            catalog.Changed -= Wake;
        }
    }

    private async Task IdleAsync(CancellationToken limit)
    {
        while (running.Count > 0 && !limit.IsCancellationRequested)
            await Task.Delay(TimeSpan.FromMilliseconds(10), limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task TurnAsync(CancellationToken stoppingToken)
    {
        var woken = Arm();
        try
        {
            using var turn = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, woken);
            var claim = NextClaim();
            if (claim.Limit == 0 || claim.Tasks.IsEmpty)
            {
                await Task.Delay(BusyPatience, time, turn.Token);
                await intake.LetGoAsync();
                await Task.Delay(Timeout.InfiniteTimeSpan, time, turn.Token);
                return;
            }

            foreach (var task in await intake.ClaimAsync(claim, turn.Token))
                Start(task, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested || woken.IsCancellationRequested)
        {
            // Stopped, or what there is room for has changed.
        }
        catch (Exception e)
        {
            log.LogError("The task store did not answer; trying again in {Delay}: {Error}", RetryAfterStoreFailure, HandlerRun.Describe(e));
            await Task.Delay(RetryAfterStoreFailure, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private CancellationToken Arm()
    {
        lock (wakeGate)
        {
            if (wake.IsCancellationRequested)
            {
                wake.Dispose();
                wake = new CancellationTokenSource();
            }

            return wake.Token;
        }
    }

    private void Wake()
    {
        lock (wakeGate)
            wake.Cancel();
    }

    private TaskClaim NextClaim()
    {
        // Set before the counts are read: a task that ends after the reading sees it and wakes the loop.
        someHeldBack = true;
        var busy = running.All.CountBy(r => r.Task.Task).ToDictionary(StringComparer.Ordinal);
        ImmutableArray<TaskCapacity> tasks = [.. catalog.Types().Select(t => new TaskCapacity(t.Name, Math.Max(0, t.Concurrency - busy.GetValueOrDefault(t.Name)), t.MaxRetries + 1))];
        var room = Math.Max(0, Options.Concurrency - busy.Values.Sum());
        someHeldBack = room < Options.Concurrency || tasks.Any(t => t.Free == 0);
        return new TaskClaim(seat.Name, tasks, room, Options.Lease, MaxWait);
    }

    private void Start(TaskEntry task, CancellationToken stoppingToken)
    {
        var mine = new RunningTask(task, time.GetUtcNow(), Options.MaxLogLines);
        running.Add(mine);
        using (ExecutionContext.SuppressFlow())
            _ = Task.Run(() => RunAsync(mine, stoppingToken), CancellationToken.None);
    }

    private async Task RunAsync(RunningTask mine, CancellationToken stoppingToken)
    {
        var started = time.GetTimestamp();
        TaskOutcome outcome;
        try
        {
            outcome = stoppingToken.IsCancellationRequested ? new TaskOutcome(TaskEnding.Interrupted) : await runs.RunAsync(mine, handBack.Token);
        }
        catch (Exception e)
        {
            log.LogError("Task {Task} {Id} broke off: {Error}", mine.Task.Task, mine.Task.Id, HandlerRun.Describe(e));
            outcome = new TaskOutcome(TaskEnding.Interrupted);
        }

        try
        {
            counters.Ended(mine.Task, outcome.Ending, time.GetElapsedTime(started));
            await seat.TellAsync(mine);
            Settle(mine.Task, outcome);
        }
        finally
        {
            running.Remove(mine);
            if (someHeldBack)
                Wake();
        }
    }

    private void Settle(TaskEntry task, TaskOutcome outcome)
    {
        var now = time.GetUtcNow();
        var settlement = new TaskSettlement(task.Id, task.Fence, TaskState.Success);
        switch (outcome.Ending)
        {
            case TaskEnding.Committed or TaskEnding.Lost:
                return;
            case TaskEnding.Done:
                settlement = settlement with { Result = outcome.Result };
                break;
            case TaskEnding.Cancelled:
                settlement = settlement with { State = TaskState.Cancelled };
                break;
            case TaskEnding.Interrupted:
                settlement = settlement with { State = TaskState.Pending, RetryAt = now };
                break;
            case TaskEnding.Gone:
                // The plugin went between the claim and now; it, or another node that has it, takes the task again.
                settlement = settlement with { State = TaskState.Pending, RetryAt = now.AddSeconds(1) };
                break;
            case TaskEnding.Failed or TaskEnding.TimedOut when task.Attempt < outcome.Tries:
                log.LogWarning("Task {Task} {Id} failed, try {Attempt} of {Tries}: {Error}", task.Task, task.Id, task.Attempt, outcome.Tries, outcome.Error);
                settlement = settlement with { State = TaskState.Pending, RetryAt = now + Spread(outcome.RetryDelay), Error = outcome.Error };
                break;
            default:
                log.LogError("Task {Task} {Id} has failed after {Attempt} tries: {Error}", task.Task, task.Id, task.Attempt, outcome.Error);
                settlement = settlement with { State = TaskState.Failure, Error = outcome.Error };
                break;
        }

        settlements.Post(settlement);
    }

#pragma warning disable CA5394 // spreads load, guards nothing
    private TimeSpan Spread(TimeSpan delay) => delay * (1 + (Random.Shared.NextDouble() * Options.RetryJitter));
#pragma warning restore CA5394
}
