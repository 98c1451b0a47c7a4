using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Events;

/// <summary>Follows the event store, so that transient subscriptions and followers see durable events after their commit, whoever committed them. Each log of the store is followed by itself: one that does not answer holds up no other.</summary>
internal sealed class EventTail(IEventStore store, TransientDelivery transient, EventCounters counters, TimeProvider time, ILogger<EventTail> log) : BackgroundService
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryAfterStoreFailure = TimeSpan.FromSeconds(1);
    private readonly Lock telling = new();
    private long[] last = [];

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        last = new long[store.Logs.Length];
        for (var i = 0; i < last.Length; i++)
            last[i] = (await store.Logs[i].ReadAsync(new EventQuery { Newest = true, Limit = 1 }, cancellationToken)).Events.Select(e => e.Sequence).FirstOrDefault();
        transient.Followers.BeginAt(last);
        await base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(store.Logs.Select((history, i) => FollowAsync(history, i, stoppingToken)));

    private async Task FollowAsync(IEventHistory history, int number, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Publish(await history.ReadAsync(new EventQuery { AfterSequence = last[number], Limit = 256, MaxWait = MaxWait }, stoppingToken), number);
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

    private void Publish(EventPage page, int number)
    {
        foreach (var stored in page.Events)
        {
            counters.Published(stored.Message.Name);
            if (stored.Message.ExpiresAt is not { } expires || expires > time.GetUtcNow())
            {
                // Followers are told of one event at a time, whichever log it comes from.
                lock (telling)
                {
                    transient.Publish(stored.Message, transientOnly: true);
                    transient.Followers.Tell(stored, number);
                }
            }

            last[number] = stored.Sequence;
        }
    }
}
