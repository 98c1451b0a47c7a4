using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Tests.Events;

public sealed class EventTailTests
{
    [Fact]
    public async Task A_follower_is_told_of_stored_events_with_their_position_and_of_transient_ones_without()
    {
        await using var host = await EventHost.StartAsync();
        var tail = host.Services.GetRequiredService<IEventTail>();
        var before = tail.Position;
        using var following = tail.Follow((message, at) => host.Log.Enqueue($"{message.Name} {at - before}"));

        await host.PublishAsync("orders.created");
        await host.LogReaches(1);
        await host.PublishAsync("orders.seen", delivery: Delivery.Transient);
        await host.LogReaches(2);
        await host.PublishAsync("orders.paid");
        await host.LogReaches(3);

        Assert.Equal(["orders.created 1", "orders.seen ", "orders.paid 2"], host.Log);
        Assert.Equal(before + 2, tail.Position);
    }

    [Fact]
    public async Task A_burst_that_would_overflow_a_subscribers_queue_reaches_a_follower_whole()
    {
        await using var host = new EventHost(options: o => o.QueueCapacity = 1);
        await host.StartAsync();
        var told = 0;
        using var following = host.Services.GetRequiredService<IEventTail>().Follow((_, _) => Interlocked.Increment(ref told));

        await host.Events.PublishAsync([.. Enumerable.Range(0, 500).Select(i => new EventMessage { Name = $"orders.n{i}" })]);

        await EventHost.Until(() => Volatile.Read(ref told) == 500, () => $"500 told; {told} were");
    }

    [Fact]
    public async Task A_follower_that_throws_disturbs_nobody_and_one_that_left_is_told_no_more()
    {
        await using var host = await EventHost.StartAsync();
        var tail = host.Services.GetRequiredService<IEventTail>();
        using var broken = tail.Follow((_, _) => throw new InvalidOperationException("broken"));
        using var following = tail.Follow((message, _) => host.Log.Enqueue(message.Name));
        var gone = tail.Follow((_, _) => host.Log.Enqueue("gone"));

        gone.Dispose();
        await host.PublishAsync("orders.created");
        await host.LogReaches(1);

        Assert.Equal(["orders.created"], host.Log);
    }
}
