using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
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
internal sealed class HandlerRun(Subscribers subscribers, TimeProvider time, EventCounters counters, ILogger<HandlerRun> log, IUnitsOfWork? units = null, IEventSealing? sealing = null)
{
    private const int MaxErrorLength = 2000;
    private static readonly Outcome HandledOnce = new(Ending.Handled);
    private static readonly Outcome Filtered = new(Ending.Filtered);
    private static readonly Outcome Gone = new(Ending.Gone);

    public Task<Outcome> RunAsync(string key, EventContext context, CancellationToken stop) => RunAsync(key, [context], stop);

    /// <summary>Runs a handler on one event, or a batch handler on several that its filter wants.</summary>
    public async Task<Outcome> RunAsync(string key, ImmutableArray<EventContext> contexts, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        var (call, early) = Begin(key, contexts, stop);
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

        foreach (var context in contexts)
            Report(key, context, outcome, time.GetElapsedTime(started) / contexts.Length);
        return outcome;
    }

    /// <summary>The event as the handler gets it.</summary>
    /// <exception cref="NexusException"><c>PROTECTION_FAILED</c>: its data do not open.</exception>
    public ValueTask<EventMessage> OpenAsync(string key, EventMessage message, CancellationToken stop) =>
        sealing is null || !message.IsSealed() || subscribers.Find(key) is { Opens: false } ? new(message) : sealing.OpenAsync(message, stop);

    /// <summary>How a try ends whose event does not open: its key may come back, so that it is tried again like any other.</summary>
    public Outcome Unopened(string key, Exception e) => subscribers.Find(key)?.Descriptor is { } descriptor
        ? new Outcome(Ending.Failed, Describe(e), descriptor.MaxAttempts, descriptor.RetryDelay)
        : Gone;

    /// <summary>Counts the end of a run, and writes down a failure.</summary>
    public void Report(string key, EventContext context, Outcome outcome, TimeSpan elapsed)
    {
        if (outcome.Ending is Ending.Gone or Ending.Filtered)
            return;
        counters.Handled(context.Message.Name, outcome.Ending, elapsed);
        if (outcome.Error is not null)
            log.LogWarning("Handler {Group} failed on event {EventId} {EventName}, try {Attempt}: {Error}", key, context.Message.Id, context.Message.Name, context.Attempt, outcome.Error);
    }

    /// <summary>Finds the handler and takes the lease of its generation; false when there is none that wants the event.</summary>
    public bool TryEnter(string key, EventContext context, [NotNullWhen(true)] out Subscriber? entered, [NotNullWhen(false)] out Outcome? early)
    {
        (entered, early) = (null, null);
        // A refused lease means that the generation drains: what replaced it was published before, so the second look finds it.
        for (var look = 0; look < 2; look++)
        {
            if (subscribers.Find(key) is not { } subscriber)
                break;
            if (!Wants(subscriber, context))
            {
                early = Filtered;
                return false;
            }

            if (subscriber.Lease is { } lease && !lease.TryEnter())
                continue;
            entered = subscriber;
            return true;
        }

        early = Gone;
        return false;
    }

    /// <summary>Calls a handler whose lease is taken, here and now, and gives the lease back at its end. Its time limit and its <see cref="CallContext"/> are the caller's.</summary>
    public static async ValueTask<Outcome> InvokeAsync(Subscriber subscriber, EventContext context, CancellationTokenSource limit)
    {
        var message = context.Message;
        using var span = NexusTracing.IsListenedTo ? NexusTracing.StartRemote(NexusTracing.EventHandle, ActivityKind.Consumer, message.Headers.GetValueOrDefault(NexusTracing.ParentHeader)) : null;
        span?.SetTag("nexus.event", message.Name).SetTag("nexus.plugin", subscriber.Plugin).SetTag("nexus.attempt", context.Attempt);
        using var aborting = subscriber.Lease?.Aborting.UnsafeRegister(static limit => ((CancellationTokenSource)limit!).Cancel(), limit) ?? default;
        try
        {
            await using var scope = subscriber.Scopes.CreateAsyncScope();
            await subscriber.Descriptor.Handle(scope.ServiceProvider, context, limit.Token);
            return HandledOnce;
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error);
            return e is OperationCanceledException && limit.IsCancellationRequested ? new Outcome(Ending.Interrupted) : new Outcome(Ending.Failed, Describe(e));
        }
        finally
        {
            subscriber.Lease?.Exit();
        }
    }

    internal static string Describe(Exception e)
    {
        var text = $"{e.GetType().Name}: {e.Message}";
        return text.Length <= MaxErrorLength ? text : text[..MaxErrorLength];
    }

    /// <summary>Kept out of the async method on purpose: its frame would hold the subscriber, and with it the generation, for as long as the handler hangs.</summary>
    private (Call? Call, Outcome? Early) Begin(string key, ImmutableArray<EventContext> contexts, CancellationToken stop) =>
        TryEnter(key, contexts[0], out var subscriber, out var early) ? (new Call(subscriber, contexts, time, units, stop), null) : (null, early);

    /// <summary>Whether its filter wants an event; one that is gone has none.</summary>
    public bool Wants(string key, EventContext context) => subscribers.Find(key) is not { } subscriber || Wants(subscriber, context);

    /// <summary>How many events the handler takes at once.</summary>
    public int BatchSizeOf(string key) => subscribers.Find(key)?.Descriptor is { HandleBatch: not null, BatchSize: var size } ? size : 1;

    private static bool Wants(Subscriber subscriber, EventContext context)
    {
        try
        {
            return subscriber.Descriptor.Filter is not { } filter || FilterEvaluator.Matches(filter, context.Message.Data);
        }
        catch (System.Text.Json.JsonException)
        {
            return false;
        }
    }

    private static async ValueTask HandleAsync(Subscriber subscriber, ImmutableArray<EventContext> contexts, CancellationToken stop)
    {
        await using var scope = subscriber.Scopes.CreateAsyncScope();
        await (contexts.Length > 1 && subscriber.Descriptor.HandleBatch is { } batch ? batch(scope.ServiceProvider, contexts, stop) : subscriber.Descriptor.Handle(scope.ServiceProvider, contexts[0], stop));
    }

    /// <summary>A running handler; disposes itself when the handler really ends, which may be after its time limit.</summary>
    private sealed class Call : IDisposable
    {
        private readonly CancellationTokenSource limit;
        private readonly CancellationTokenRegistration stopped;
        private readonly CancellationTokenRegistration aborted;
        private volatile bool isInterrupted;
        private readonly TimeSpan timeout;
        private readonly int maxAttempts;
        private readonly TimeSpan retryDelay;

        public Call(Subscriber subscriber, ImmutableArray<EventContext> contexts, TimeProvider time, IUnitsOfWork? units, CancellationToken stop)
        {
            timeout = subscriber.Descriptor.Timeout;
            maxAttempts = subscriber.Descriptor.MaxAttempts;
            retryDelay = subscriber.Descriptor.RetryDelay;
            limit = new CancellationTokenSource(timeout, time);
            Limit = limit.Token;
            stopped = stop.UnsafeRegister(static call => ((Call)call!).Interrupt(), this);
            aborted = subscriber.Lease?.Aborting.UnsafeRegister(static call => ((Call)call!).Interrupt(), this) ?? default;
            Task = System.Threading.Tasks.Task.Run(() => ExecuteAsync(subscriber, contexts, units), CancellationToken.None);
            // An abandoned handler may fail later; its exception belongs to no one.
            _ = Task.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        /// <summary>Whether the delivery was settled with what the handler wrote.</summary>
        public Task<bool> Task { get; }

        public CancellationToken Limit { get; }

        public Outcome Handled => new(Ending.Handled, null, maxAttempts, retryDelay);

        public Outcome Failure(Exception e) =>
            e is not OperationCanceledException || !Limit.IsCancellationRequested ? new(Ending.Failed, Describe(e), maxAttempts, retryDelay)
            : isInterrupted ? new(Ending.Interrupted, null, maxAttempts, retryDelay)
            : new(Ending.TimedOut, $"The handler exceeded its time limit of {timeout}.", maxAttempts, retryDelay);

        public void Dispose()
        {
            // Before the limit: whoever interrupts is done with it then.
            stopped.Dispose();
            aborted.Dispose();
            limit.Dispose();
        }

        private void Interrupt()
        {
            if (limit.IsCancellationRequested)
                return;
            isInterrupted = true;
            limit.Cancel();
        }

        private async Task<bool> ExecuteAsync(Subscriber subscriber, ImmutableArray<EventContext> contexts, IUnitsOfWork? units)
        {
            var message = contexts[0].Message;
            using var span = NexusTracing.StartRemote(NexusTracing.EventHandle, ActivityKind.Consumer, message.Headers.GetValueOrDefault(NexusTracing.ParentHeader));
            span?.SetTag("nexus.event", message.Name).SetTag("nexus.plugin", subscriber.Plugin).SetTag("nexus.attempt", contexts[0].Attempt);
            try
            {
                CallContext.Current = new CallContext(Caller.System, message.Tenant, message.CorrelationId ?? message.Id.ToString());
                if (units is not null && contexts[0].Settlement is not null)
                    return await units.HandleAsync(subscriber.Plugin, [.. contexts.Select(c => c.Settlement!)], stop => HandleAsync(subscriber, contexts, stop), Limit);
                await HandleAsync(subscriber, contexts, Limit);
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
    }
}
