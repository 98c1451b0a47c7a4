using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Events;

/// <summary>Follows the event store, so that transient subscriptions and followers see durable events after their commit, whoever committed them. Each log of the store is followed by itself: one that does not answer holds up no other. Handlers get confidential data plain; followers tell people, and get them sealed.</summary>
internal sealed class EventTail(IEventStore store, TransientDelivery transient, EventCounters counters, TimeProvider time, ILogger<EventTail> log, IEventSealing? sealing = null) : BackgroundService
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryAfterStoreFailure = TimeSpan.FromSeconds(1);
    private const long Unknown = -1;

    private readonly Lock telling = new();
    private long[] last = [];

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        last = new long[store.Logs.Length];
        for (var i = 0; i < last.Length; i++)
        {
            try
            {
                last[i] = await EndAsync(store.Logs[i], cancellationToken);
            }
            catch (NexusException e) when (i > 0 && e.Code == ErrorCodes.StorageUnavailable)
            {
                // One of several databases is away: its log is followed from where it ends when it is back.
                last[i] = Unknown;
            }
        }

        transient.Followers.BeginAt([.. last.Select(l => Math.Max(l, 0))]);
        await base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(store.Logs.Select((history, i) => FollowAsync(history, i, stoppingToken)));

    private async Task FollowAsync(IEventHistory history, int number, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (last[number] == Unknown)
                    last[number] = await EndAsync(history, stoppingToken);
                await PublishAsync(await history.ReadAsync(new EventQuery { AfterSequence = last[number], IsTail = true, Limit = 256, MaxWait = MaxWait }, stoppingToken), number, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.LogError("The event store did not answer; trying again in {Delay}: {Error}", RetryAfterStoreFailure, HandlerRun.Describe(e));
                await Task.Delay(RetryAfterStoreFailure, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static async ValueTask<long> EndAsync(IEventHistory history, CancellationToken cancellationToken) =>
        (await history.ReadAsync(new EventQuery { IsTail = true, Newest = true, Limit = 1 }, cancellationToken)).LastSequence;

    private async ValueTask PublishAsync(EventPage page, int number, CancellationToken stoppingToken)
    {
        foreach (var stored in page.Events)
        {
            counters.Published(stored.Message.Name);
            if (stored.Message.ExpiresAt is not { } expires || expires > time.GetUtcNow())
            {
                var opened = await OpenAsync(stored.Message, stoppingToken);
                // Followers are told of one event at a time, whichever log it comes from.
                lock (telling)
                {
                    if (opened is not null)
                        transient.Publish(opened, transientOnly: true);
                    transient.Followers.Tell(stored, number);
                }
            }

            last[number] = stored.Sequence;
        }

        last[number] = Math.Max(last[number], page.LastSequence);
    }

    /// <summary>The event as handlers get it; null when its data do not open, which holds up nothing behind it.</summary>
    private async ValueTask<EventMessage?> OpenAsync(EventMessage message, CancellationToken stoppingToken)
    {
        try
        {
            return sealing is null ? message : await sealing.OpenAsync(message, stoppingToken);
        }
        catch (NexusException e) when (e.Code == ErrorCodes.ProtectionFailed)
        {
            log.LogError("The data of event {EventId} {EventName} do not open; transient subscribers are passed over: {Error}", message.Id, message.Name, e.Message);
            return null;
        }
    }
}
