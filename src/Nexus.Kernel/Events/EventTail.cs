using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Events;

/// <summary>Follows the event store, so that transient subscriptions and followers see durable events after their commit, whoever committed them.</summary>
internal sealed class EventTail(IEventStore store, TransientDelivery transient, EventCounters counters, TimeProvider time, ILogger<EventTail> log) : BackgroundService
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryAfterStoreFailure = TimeSpan.FromSeconds(1);
    private long last;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        last = (await store.ReadAsync(new EventQuery { Newest = true, Limit = 1 }, cancellationToken)).Events.Select(e => e.Sequence).FirstOrDefault();
        transient.Followers.BeginAt(last);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Publish(await store.ReadAsync(new EventQuery { AfterSequence = last, Limit = 256, MaxWait = MaxWait }, stoppingToken));
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

    private void Publish(EventPage page)
    {
        foreach (var stored in page.Events)
        {
            counters.Published(stored.Message.Name);
            if (stored.Message.ExpiresAt is not { } expires || expires > time.GetUtcNow())
            {
                transient.Publish(stored.Message, transientOnly: true);
                transient.Followers.Tell(stored);
            }

            last = stored.Sequence;
        }
    }
}
