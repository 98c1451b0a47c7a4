using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Events;

/// <summary>Delivers stored events to durable groups. One loop takes due deliveries from the store and sleeps in it while nothing is due; each group has a lane of its own, so a slow handler holds up its own group only.</summary>
/// <remarks>The loop's frame lives as long as the node. It holds names and messages only: a subscriber in one of its locals would keep an unloaded plugin in memory.</remarks>
internal sealed class DurableDelivery(
    DeliveryIntake intake,
    EventGroups groups,
    Subscribers subscribers,
    HandlerRun handlers,
    EventCounters counters,
    TimeProvider time,
    IOptions<EventsOptions> options,
    ILogger<DurableDelivery> log) : BackgroundService
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryAfterStoreFailure = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<Guid, DurableEvent> events = new();
    private readonly ConcurrentDictionary<string, Lane<TakenDelivery>> lanes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> backlog = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, GroupPace> paces = new(StringComparer.Ordinal);
    private readonly SettlementWriter<EndedDelivery> settlements = new(intake.SettleAsync, log);
    private readonly Lock wakeGate = new();
    private CancellationTokenSource wake = new();
    private CancellationToken stopping;
    private volatile bool someHeldBack;

    /// <summary>Deliveries of a group that this node has taken and not ended.</summary>
    public int Backlog(string group) => backlog.GetValueOrDefault(group);

    /// <summary>Completes when every delivery that ended before is settled in the store.</summary>
    public Task FlushAsync() => settlements.FlushAsync();

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.Value.StopTimeout);
        try
        {
            while (!backlog.IsEmpty)
                await Task.Delay(TimeSpan.FromMilliseconds(10), limit.Token);
            await FlushAsync().WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            log.LogWarning("Event handlers were still running when the node stopped; their events will be delivered again.");
        }
    }

    public override void Dispose()
    {
        wake.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        stopping = stoppingToken;
        subscribers.Changed += Wake;
        try
        {
            while (!stoppingToken.IsCancellationRequested)
                await TurnAsync(stoppingToken);
        }
        finally
        {
            subscribers.Changed -= Wake;
        }
    }

    private async Task TurnAsync(CancellationToken stoppingToken)
    {
        var woken = Arm();
        try
        {
            using var turn = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, woken);
            await groups.DeclareAsync(subscribers.Snapshot, stoppingToken);
            var claim = NextClaim();
            if (claim.Groups.IsEmpty)
                await Task.Delay(Timeout.InfiniteTimeSpan, time, turn.Token);
            else
                Accept(await intake.TakeAsync(claim, turn.Token));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested || woken.IsCancellationRequested)
        {
            // Stopped, or the set of groups to claim for has changed.
        }
        catch (Exception e)
        {
            log.LogError("The event store did not answer; trying again in {Delay}: {Error}", RetryAfterStoreFailure, HandlerRun.Describe(e));
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

    /// <summary>Claims for every active group but those with a backlog, and those of lower priority that would overtake one of these on a common event.</summary>
    private DeliveryClaim NextClaim()
    {
        // Set before the backlogs are read: a lane that empties after the reading sees it and wakes the loop.
        someHeldBack = true;
        var durable = subscribers.Durable;
        var lease = durable.Lease(options.Value.Lease);
        var free = durable.Free(key => Backlog(key) >= Math.Min(options.Value.GroupBacklog, PaceOf(key).Within(lease)), out var full);
        someHeldBack = full;
        var limit = options.Value.ClaimLimit;
        foreach (var key in free)
            limit = Math.Min(limit, PaceOf(key).Within(lease));
        return new DeliveryClaim(free, limit, lease, MaxWait);
    }

    private GroupPace PaceOf(string group) => paces.GetOrAdd(group, static _ => new GroupPace());

    private void Accept(ImmutableArray<TakenDelivery> claimed)
    {
        foreach (var sameEvent in claimed.GroupBy(d => d.Delivery.Message.Id))
        {
            var taken = sameEvent.ToList();
            foreach (var delivery in taken)
                backlog.AddOrUpdate(delivery.Delivery.Group, 1, (_, n) => n + 1);
            var (start, cancelled) = events.GetOrAdd(sameEvent.Key, _ => new DurableEvent()).Add(taken);
            Go(start, cancelled);
        }
    }

    private void Go(ImmutableArray<TakenDelivery> start, ImmutableArray<TakenDelivery> cancelled)
    {
        foreach (var delivery in cancelled)
            Settle(delivery, DeliveryState.Cancelled);
        foreach (var delivery in start)
        {
            var lane = lanes.GetOrAdd(delivery.Delivery.Group, _ => new Lane<TakenDelivery>(int.MaxValue, DeliverAsync));
            lane.TryPost(delivery, delivery.Delivery.Message.Priority);
        }
    }

    private async Task DeliverAsync(TakenDelivery taken)
    {
        var group = taken.Delivery.Group;
        if (handlers.BatchSizeOf(group) is > 1 and var size && lanes[group].TakeMore(size - 1, next => next.Delivery.Message.Tenant == taken.Delivery.Message.Tenant) is { Count: > 0 } more)
            await DeliverAsync([taken, .. more]);
        else
            await DeliverOneAsync(taken);
    }

    /// <summary>Hands several to a batch handler; after a failure each is tried by itself.</summary>
    private async Task DeliverAsync(ImmutableArray<TakenDelivery> several)
    {
        var group = several[0].Delivery.Group;
        var ready = new List<(TakenDelivery Taken, EventContext Context)>();
        foreach (var taken in several)
        {
            if (!EndsUntried(taken) && await OpenAsync(taken) is var (context, _) && context is not null && handlers.Wants(group, context))
                ready.Add((taken, context));
            else
                await DeliverOneAsync(taken);
        }

        var outcome = ready.Count > 1 ? await RunAsync(group, [.. ready.Select(r => r.Context)]) : null;
        foreach (var (taken, _) in ready)
        {
            if (outcome?.Ending is Ending.Committed or Ending.Handled)
            {
                Conclude(taken, outcome);
                Next(taken, cancel: false);
            }
            else
            {
                await DeliverOneAsync(taken);
            }
        }
    }

    private async Task DeliverOneAsync(TakenDelivery taken)
    {
        var cancel = false;
        try
        {
            cancel = await TryOnceAsync(taken);
        }
        catch (Exception e)
        {
            log.LogError("Delivery of event {EventId} to {Group} broke off: {Error}", taken.Delivery.Message.Id, taken.Delivery.Group, HandlerRun.Describe(e));
        }

        Next(taken, cancel);
    }

    private void Next(TakenDelivery taken, bool cancel)
    {
        if (!events.TryGetValue(taken.Delivery.Message.Id, out var sameEvent))
            return;
        var (start, cancelled, empty) = sameEvent.End(taken, cancel);
        if (empty)
            events.TryRemove(taken.Delivery.Message.Id, out _);
        Go(start, cancelled);
    }

    private async Task<bool> TryOnceAsync(TakenDelivery taken)
    {
        var now = time.GetUtcNow();
        if (taken.Delivery.Message.ExpiresAt is { } expired && expired <= now)
        {
            Settle(taken, DeliveryState.Expired, error: $"{ErrorCodes.EventExpired}: it expired at {expired:O}.");
            return false;
        }

        if (EndsUntried(taken))
        {
            Settle(taken, DeliveryState.Pending, retryAt: now);
            return false;
        }

        var (context, failure) = await OpenAsync(taken);
        Conclude(taken, failure ?? await RunAsync(taken.Delivery.Group, [context!]));
        return context?.Cancelled == true;
    }

    /// <summary>A delivery whose lease would end while it is handled might be handled twice; it is handed back instead.</summary>
    private bool EndsUntried(TakenDelivery taken)
    {
        var now = time.GetUtcNow();
        return taken.Delivery.Message.ExpiresAt <= now || stopping.IsCancellationRequested || subscribers.Find(taken.Delivery.Group)?.Descriptor.Timeout > taken.LeaseEnds - now;
    }

    /// <summary>What the handler gets, its data plain; else why not.</summary>
    private async ValueTask<(EventContext? Context, Outcome? Failure)> OpenAsync(TakenDelivery taken)
    {
        var (message, group) = (taken.Delivery.Message, taken.Delivery.Group);
        if (!message.IsSealed())
            return (ContextOf(taken, message), null);
        try
        {
            return (ContextOf(taken, await handlers.OpenAsync(group, message, stopping)), null);
        }
        catch (Exception e)
        {
            return (null, stopping.IsCancellationRequested ? new Outcome(Ending.Interrupted) : handlers.Unopened(group, e));
        }
    }

    private static EventContext ContextOf(TakenDelivery taken, EventMessage message) =>
        new(message, taken.Delivery.Attempt) { Settlement = new DeliverySettlement(taken.Delivery.Message.Id, taken.Delivery.Group, taken.Delivery.Fence, DeliveryState.Done) };

    private async Task<Outcome> RunAsync(string group, ImmutableArray<EventContext> contexts)
    {
        var started = time.GetTimestamp();
        var outcome = await handlers.RunAsync(group, contexts, stopping);
        PaceOf(group).Took(time.GetElapsedTime(started) / contexts.Length);
        return outcome;
    }

    private void Conclude(TakenDelivery taken, Outcome outcome)
    {
        var (message, group, attempt) = (taken.Delivery.Message, taken.Delivery.Group, taken.Delivery.Attempt);
        switch (outcome.Ending)
        {
            case Ending.Committed:
                intake.Settled(taken);
                End(taken, DeliveryState.Done, failed: false);
                break;
            case Ending.Handled or Ending.Filtered:
                Settle(taken, DeliveryState.Done);
                break;
            case Ending.Gone or Ending.Interrupted:
                Settle(taken, DeliveryState.Pending, retryAt: time.GetUtcNow());
                break;
            case Ending.Failed or Ending.TimedOut when attempt < outcome.MaxAttempts:
                Settle(taken, DeliveryState.Pending, time.GetUtcNow() + RetryDelay(outcome.RetryDelay, attempt), outcome.Error);
                break;
            default:
                log.LogError("Event {EventId} {EventName} is a dead letter of {Group} after {Attempt} tries: {Error}", message.Id, message.Name, group, attempt, outcome.Error);
                Settle(taken, DeliveryState.Dead, error: outcome.Error);
                break;
        }
    }

    private TimeSpan RetryDelay(TimeSpan first, int attempt)
    {
        var seconds = Math.Min(first.TotalSeconds * Math.Pow(2, attempt - 1), options.Value.MaxRetryDelay.TotalSeconds);
#pragma warning disable CA5394 // spreads load, guards nothing
        return TimeSpan.FromSeconds(seconds * (1 + (Random.Shared.NextDouble() * options.Value.RetryJitter)));
#pragma warning restore CA5394
    }

    private void Settle(TakenDelivery taken, DeliveryState state, DateTimeOffset? retryAt = null, string? error = null)
    {
        var (message, group) = (taken.Delivery.Message, taken.Delivery.Group);
        settlements.Post(new EndedDelivery(taken, new DeliverySettlement(message.Id, group, taken.Delivery.Fence, state, retryAt, error)));
        End(taken, state, error is not null);
    }

    private void End(TakenDelivery taken, DeliveryState state, bool failed)
    {
        var (message, group) = (taken.Delivery.Message, taken.Delivery.Group);
        counters.Settled(message.Name, state, failed);
        var left = backlog.AddOrUpdate(group, 0, (_, n) => n - 1);
        if (left == 0)
            backlog.TryRemove(new KeyValuePair<string, int>(group, 0));
        // Half-way down, so that the next are here when the last of these ends.
        if (someHeldBack && (left == 0 || left == Math.Min(options.Value.GroupBacklog, PaceOf(group).Within(options.Value.Lease)) / 2))
            Wake();
    }
}
