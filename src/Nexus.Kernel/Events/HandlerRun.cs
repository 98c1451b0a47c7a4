using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Events;

/// <summary>How a handler's run ended.</summary>
internal enum Ending
{
    /// <summary>It returned.</summary>
    Handled,

    /// <summary>It returned, and its delivery was settled in the commit of what it wrote.</summary>
    Committed,

    /// <summary>Its filter does not want the event.</summary>
    Filtered,

    /// <summary>It threw.</summary>
    Failed,

    /// <summary>It exceeded its time limit; it may still be running.</summary>
    TimedOut,

    /// <summary>Its generation or the node stopped under it.</summary>
    Interrupted,

    /// <summary>No active generation has it.</summary>
    Gone,
}

/// <summary>The end of a run: plain values only, nothing of the plugin.</summary>
internal sealed record Outcome(Ending Ending, string? Error = null, int MaxAttempts = 1, TimeSpan RetryDelay = default);

/// <summary>Calls handlers: under the lease of their generation, in a scope of its provider, off the caller's thread, within their time limit.</summary>
internal sealed class HandlerRun(Subscribers subscribers, TimeProvider time, EventCounters counters, ILogger<HandlerRun> log, IUnitsOfWork? units = null)
{
    private const int MaxErrorLength = 2000;

    public async Task<Outcome> RunAsync(string key, EventContext context, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        var (call, early) = Begin(key, context, stop);
        if (call is null)
            return early!;
        Outcome outcome;
        try
        {
            // A handler that ignores its token is left behind, still holding its lease; the next event does not wait for it.
            outcome = await call.Task.WaitAsync(call.Limit) ? call.Handled with { Ending = Ending.Committed } : call.Handled;
        }
        catch (Exception e)
        {
            outcome = call.Failure(e);
        }

        counters.Handled(context.Message.Name, outcome.Ending, time.GetElapsedTime(started));
        if (outcome.Error is not null)
            log.LogWarning("Handler {Group} failed on event {EventId} {EventName}, try {Attempt}: {Error}", key, context.Message.Id, context.Message.Name, context.Attempt, outcome.Error);
        return outcome;
    }

    internal static string Describe(Exception e)
    {
        var text = $"{e.GetType().Name}: {e.Message}";
        return text.Length <= MaxErrorLength ? text : text[..MaxErrorLength];
    }

    /// <summary>Kept out of the async method on purpose: its frame would hold the subscriber, and with it the generation, for as long as the handler hangs.</summary>
    private (Call? Call, Outcome? Early) Begin(string key, EventContext context, CancellationToken stop)
    {
        // A refused lease means that the generation drains: what replaced it was published before, so the second look finds it.
        for (var look = 0; look < 2; look++)
        {
            if (subscribers.Find(key) is not { } subscriber)
                break;
            try
            {
                if (!FilterEvaluator.Matches(subscriber.Descriptor.Filter, context.Message.Data))
                    return (null, new Outcome(Ending.Filtered));
            }
            catch (System.Text.Json.JsonException)
            {
                return (null, new Outcome(Ending.Filtered));
            }

            if (subscriber.Lease is { } lease && !lease.TryEnter())
                continue;
            return (new Call(subscriber, context, time, units, stop), null);
        }

        return (null, new Outcome(Ending.Gone));
    }

    /// <summary>A running handler; disposes itself when the handler really ends, which may be after its time limit.</summary>
    private sealed class Call : IDisposable
    {
        private readonly CancellationTokenSource timer;
        private readonly CancellationTokenSource limit;
        private readonly TimeSpan timeout;
        private readonly int maxAttempts;
        private readonly TimeSpan retryDelay;

        public Call(Subscriber subscriber, EventContext context, TimeProvider time, IUnitsOfWork? units, CancellationToken stop)
        {
            timeout = subscriber.Descriptor.Timeout;
            maxAttempts = subscriber.Descriptor.MaxAttempts;
            retryDelay = subscriber.Descriptor.RetryDelay;
            timer = new CancellationTokenSource(timeout, time);
            limit = CancellationTokenSource.CreateLinkedTokenSource(stop, timer.Token, subscriber.Lease?.Aborting ?? default);
            Limit = limit.Token;
            Task = System.Threading.Tasks.Task.Run(() => ExecuteAsync(subscriber, context, units), CancellationToken.None);
            // An abandoned handler may fail later; its exception belongs to no one.
            _ = Task.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        /// <summary>Whether the delivery was settled with what the handler wrote.</summary>
        public Task<bool> Task { get; }

        public CancellationToken Limit { get; }

        public Outcome Handled => new(Ending.Handled, null, maxAttempts, retryDelay);

        public Outcome Failure(Exception e) =>
            e is not OperationCanceledException || !Limit.IsCancellationRequested ? new(Ending.Failed, Describe(e), maxAttempts, retryDelay)
            : timer.IsCancellationRequested ? new(Ending.TimedOut, $"The handler exceeded its time limit of {timeout}.", maxAttempts, retryDelay)
            : new(Ending.Interrupted, null, maxAttempts, retryDelay);

        public void Dispose()
        {
            limit.Dispose();
            timer.Dispose();
        }

        private async Task<bool> ExecuteAsync(Subscriber subscriber, EventContext context, IUnitsOfWork? units)
        {
            var message = context.Message;
            using var span = NexusTracing.StartRemote(NexusTracing.EventHandle, ActivityKind.Consumer, message.Headers.GetValueOrDefault(NexusTracing.ParentHeader));
            span?.SetTag("nexus.event", message.Name).SetTag("nexus.plugin", subscriber.Plugin).SetTag("nexus.attempt", context.Attempt);
            try
            {
                CallContext.Current = new CallContext(Caller.System, message.Tenant, message.CorrelationId ?? message.Id.ToString());
                if (units is not null && context.Settlement is { } settlement)
                    return await units.HandleAsync(subscriber.Plugin, settlement, stop => HandleAsync(subscriber, context, stop), Limit);
                await HandleAsync(subscriber, context, Limit);
                return false;
            }
            catch
            {
                span?.SetStatus(ActivityStatusCode.Error);
                throw;
            }
            finally
            {
                Dispose();
                subscriber.Lease?.Exit();
            }
        }

        private static async ValueTask HandleAsync(Subscriber subscriber, EventContext context, CancellationToken stop)
        {
            var services = subscriber.Lease?.Services ?? subscriber.Services!;
            await using var scope = services.GetRequiredService<IServiceScopeFactory>().CreateAsyncScope();
            await subscriber.Descriptor.Handle(scope.ServiceProvider, context, stop);
        }
    }
}
