using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nexus.Kernel.Events;

namespace Nexus.Kernel.Tasks;

/// <summary>How a try ended.</summary>
internal enum TaskEnding
{
    /// <summary>It returned.</summary>
    Done,

    /// <summary>It returned, and was settled in the commit of what it wrote.</summary>
    Committed,

    /// <summary>It threw.</summary>
    Failed,

    /// <summary>It exceeded its time limit; it may still be running.</summary>
    TimedOut,

    /// <summary>It was called off.</summary>
    Cancelled,

    /// <summary>Its generation or the node stopped under it.</summary>
    Interrupted,

    /// <summary>Its lease is another's: it has nothing to say any more.</summary>
    Lost,

    /// <summary>No active generation has it.</summary>
    Gone,
}

/// <summary>The end of a try: plain values only, nothing of the plugin.</summary>
internal sealed record TaskOutcome(TaskEnding Ending, string? Error = null, ReadOnlyMemory<byte> Result = default)
{
    /// <summary>Tries that the task has.</summary>
    public int Tries { get; init; }

    /// <summary>Wait before the next try, without the random part.</summary>
    public TimeSpan RetryDelay { get; init; }
}

/// <summary>Calls task handlers: under the lease of their generation, in a scope of its provider, off the caller's thread, within their time limit.</summary>
internal sealed class TaskRun(TaskCatalog catalog, TimeProvider time, IOptions<TasksOptions> options, IUnitsOfWork? units = null)
{
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(500);

    public async Task<TaskOutcome> RunAsync(RunningTask running, CancellationToken stop)
    {
        var call = Begin(running, stop);
        if (call is null)
            return new TaskOutcome(TaskEnding.Gone);
        try
        {
            return await call.Task.WaitAsync(call.Limit);
        }
        catch (Exception e) when (call.Limit.IsCancellationRequested && !call.Task.IsCompleted)
        {
            // It was asked to stop and gets a while to do so. What then still runs is left behind, holding its plugin's lease; its unit of work is given up.
            var grace = running.IsCancelled || call.IsOverTime ? options.Value.CancelGrace : LastWords;
            await Task.WhenAny(call.Task, Task.Delay(grace, time, CancellationToken.None));
            return call.Task.IsCompletedSuccessfully ? await call.Task : call.Failure(call.Task.Exception?.InnerException ?? e, running);
        }
        catch (Exception e)
        {
            return call.Failure(e, running);
        }
    }

    /// <summary>Kept out of the async method on purpose: its frame would hold the declaration, and with it the generation, for as long as the handler hangs.</summary>
    private Call? Begin(RunningTask running, CancellationToken stop)
    {
        // A refused lease means that the generation drains: what replaced it was published before, so the second look finds it.
        for (var look = 0; look < 2; look++)
        {
            if (catalog.Find(running.Task.Task) is { } declared && declared.Lease.TryEnter())
                return new Call(declared, running, declared.Descriptor.Timeout ?? options.Value.Timeout, new Surroundings(time, options.Value, units), stop);
        }

        return null;
    }

    private sealed record Surroundings(TimeProvider Time, TasksOptions Options, IUnitsOfWork? Units);

    /// <summary>A running try; disposes itself when the handler really ends, which may be after its time limit.</summary>
    private sealed class Call : IDisposable
    {
        private readonly CancellationTokenSource timer;
        private readonly CancellationTokenSource limit;
        private readonly TimeSpan timeout;
        private readonly int tries;
        private readonly TimeSpan retryDelay;

        public Call(DeclaredTask declared, RunningTask running, TimeSpan timeout, Surroundings surroundings, CancellationToken stop)
        {
            var (descriptor, attempt) = (declared.Descriptor, running.Task.Attempt);
            this.timeout = timeout;
            tries = running.Task.MaxAttempts ?? (descriptor.MaxRetries ?? surroundings.Options.MaxRetries) + 1;
            var first = descriptor.RetryDelay ?? surroundings.Options.RetryDelay;
            retryDelay = TimeSpan.FromSeconds(Math.Min(first.TotalSeconds * Math.Pow(Math.Max(1, descriptor.BackOff), attempt - 1), surroundings.Options.MaxRetryDelay.TotalSeconds));
            timer = new CancellationTokenSource(timeout, surroundings.Time);
            limit = CancellationTokenSource.CreateLinkedTokenSource([stop, timer.Token, running.Ending, declared.Lease.Aborting]);
            Limit = limit.Token;
            Task = System.Threading.Tasks.Task.Run(() => ExecuteAsync(declared, running, surroundings), CancellationToken.None);
            // An abandoned handler may fail later; its exception belongs to no one.
            _ = Task.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        public Task<TaskOutcome> Task { get; }

        public CancellationToken Limit { get; }

        public bool IsOverTime { get; private set; }

        public TaskOutcome Failure(Exception e, RunningTask running)
        {
            if (running.IsLost || e is StorageConflictException { Key.Table: ITaskStore.Leases })
                return new TaskOutcome(TaskEnding.Lost);
            // What ends after it was asked to end, ended for that reason, whatever it throws: its unit of work was given up under it.
            if (!Limit.IsCancellationRequested)
                return Tried(TaskEnding.Failed, HandlerRun.Describe(e));
            if (running.IsCancelled)
                return new TaskOutcome(TaskEnding.Cancelled);
            return IsOverTime ? Tried(TaskEnding.TimedOut, $"The task exceeded its time limit of {timeout}.") : new TaskOutcome(TaskEnding.Interrupted);
        }

        private TaskOutcome Tried(TaskEnding ending, string error) => new(ending, error) { Tries = tries, RetryDelay = retryDelay };

        public void Dispose()
        {
            limit.Dispose();
            timer.Dispose();
        }

        private async Task<TaskOutcome> ExecuteAsync(DeclaredTask declared, RunningTask running, Surroundings surroundings)
        {
            // Read off the token now: the source is disposed at the end.
            await using var over = timer.Token.Register(() => IsOverTime = true);
            var task = running.Task;
            using var span = NexusTracing.StartRemote(NexusTracing.TaskRun, ActivityKind.Consumer, task.TraceParent);
            span?.SetTag("nexus.task", task.Task).SetTag("nexus.attempt", task.Attempt);
            try
            {
                CallContext.Current = new CallContext(Caller.System, task.Tenant, task.CorrelationId ?? task.Id.ToString());
                var context = new TaskContext(task, task.Attempt >= tries, (kind, text, percent) => running.Write(kind, text, percent, surroundings.Time.GetUtcNow()));
                if (surroundings.Units is not { } units || !declared.Descriptor.Atomic)
                    return new TaskOutcome(TaskEnding.Done, null, Checked(await HandleAsync(declared, context, Limit), task, surroundings.Options));
                var (committed, settlement) = await units.RunTaskAsync(
                    declared.Plugin,
                    async stop => new TaskSettlement(task.Id, task.Fence, TaskState.Success) { Result = Checked(await HandleAsync(declared, context, stop), task, surroundings.Options) },
                    Limit);
                return new TaskOutcome(committed ? TaskEnding.Committed : TaskEnding.Done, null, settlement.Result);
            }
            catch
            {
                span?.SetStatus(ActivityStatusCode.Error);
                throw;
            }
            finally
            {
                Dispose();
                declared.Lease.Exit();
            }
        }

        private static ReadOnlyMemory<byte> Checked(ReadOnlyMemory<byte> result, TaskEntry task, TasksOptions options) => result.Length <= options.MaxBytes
            ? result
            : throw new NexusException(ErrorCodes.TaskTooLarge, $"The result of {task.Task} is {result.Length} bytes; tasks.maxBytes allows {options.MaxBytes}.");

        private static async ValueTask<ReadOnlyMemory<byte>> HandleAsync(DeclaredTask declared, TaskContext context, CancellationToken stop)
        {
            await using var scope = declared.Lease.Services.GetRequiredService<IServiceScopeFactory>().CreateAsyncScope();
            return await declared.Descriptor.Handle(scope.ServiceProvider, context, stop);
        }
    }
}
