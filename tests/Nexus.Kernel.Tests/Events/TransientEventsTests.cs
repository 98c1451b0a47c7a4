namespace Nexus.Kernel.Tests.Events;

public sealed class TransientEventsTests
{
    [Fact]
    public async Task Handlers_run_by_priority_and_a_cancelled_event_goes_no_further()
    {
        await using var host = await EventHost.StartAsync(configure: h =>
        {
            foreach (var priority in (int[])[10, 100, 50])
            {
                h.Plugins.Start($"p{priority}", p => p.On("orders.*", (e, _) =>
                {
                    h.Log.Enqueue($"{priority} {e.Message.Name}");
                    if (e.Message.Name == "orders.cancelled" && priority == 100)
                        e.Cancel();
                    return Task.CompletedTask;
                }, s => s with { Priority = priority, Durable = false }));
            }
        });

        await host.PublishAsync("orders.created", delivery: Delivery.Transient);
        await host.LogReaches(3);
        await host.PublishAsync("orders.cancelled", delivery: Delivery.Transient);
        await host.PublishAsync("orders.created", delivery: Delivery.Transient);
        await host.LogReaches(7);

        Assert.Equal(["100 orders.created", "50 orders.created", "10 orders.created", "100 orders.cancelled", "100 orders.created", "50 orders.created", "10 orders.created"], host.Log);
    }

    [Fact]
    public async Task A_transient_publish_allocates_nothing()
    {
        const int count = 500;
        var handled = 0;
        await using var host = await EventHost.StartAsync(configure: h => h.Plugins.Start("ten", p =>
        {
            for (var i = 0; i < 10; i++)
            {
                p.On("a.b", (_, _) =>
                {
                    Interlocked.Increment(ref handled);
                    return Task.CompletedTask;
                }, s => s with { Durable = false });
            }
        }));
        var message = new EventMessage { Name = "a.b", Source = "nexus", CorrelationId = "one", OccurredAt = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero) };
        var least = long.MaxValue;

        for (var round = 1; round <= 10; round++)
        {
            least = Math.Min(least, Allocated(host.Events, message, count));
            await EventHost.Until(() => Volatile.Read(ref handled) == round * count * 10);
        }

        // What the runtime's own queues take once in a while is less than a byte a publish.
        Assert.InRange(least, 0, count - 1);
    }

#pragma warning disable CA2012, xUnit1031
    private static long Allocated(IEvents events, EventMessage message, int count)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < count; i++)
        {
            // It never waits, so there is no task to be made of it.
            events.PublishAsync(message, Delivery.Transient).GetAwaiter().GetResult();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
#pragma warning restore CA2012, xUnit1031

    [Fact]
    public async Task Throwing_hanging_and_blocking_handlers_affect_nobody()
    {
        using var release = new ManualResetEventSlim();
        using var entered = new CountdownEvent(2);
        await using var host = await EventHost.StartAsync(configure: h =>
        {
            h.Plugins.Start("bad", p => p
                .On("a.b", (_, _) => throw new InvalidOperationException("broken"), s => s with { Durable = false })
                .On("a.b", (_, _) =>
                {
                    if (!entered.IsSet) entered.Signal();
                    return new TaskCompletionSource().Task;
                }, s => s with { Durable = false })
                .On("a.b", (_, _) =>
                {
                    if (!entered.IsSet) entered.Signal();
                    release.Wait(CancellationToken.None);
                    return Task.CompletedTask;
                }, s => s with { Durable = false }));
            h.Plugins.Start("good", p => p.On("a.b", (e, _) =>
            {
                h.Log.Enqueue(e.Message.Name);
                return Task.CompletedTask;
            }, s => s with { Durable = false }));
        });

        var before = System.Diagnostics.Stopwatch.GetTimestamp();
        for (var i = 0; i < 100; i++)
            await host.PublishAsync("a.b", delivery: Delivery.Transient);
        var each = System.Diagnostics.Stopwatch.GetElapsedTime(before) / 100;

        await host.LogReaches(100);
        TestContext.Current.TestOutputHelper?.WriteLine($"publisher latency {each.TotalMicroseconds:F1} µs with two hanging subscribers");
        await EventHost.Until(() => host.EventLog.GetStatistics().ByName["a.b"].Failed >= 100);
        await EventHost.Until(() => host.EventLog.GetStatistics().ByName["a.b"].Delivered == 100);

        // A handler's time limit begins when it is called; a clock moved before that passes it by.
        await EventHost.Until(() => entered.IsSet);
        host.Clock.Advance(TimeSpan.FromSeconds(30));
        await EventHost.Until(() => host.EventLog.GetStatistics().ByName["a.b"].Failed >= 102);
        release.Set();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_message_whose_handler_is_stuck_holds_up_the_next_for_no_longer_than_who_asked_waits(bool blocks)
    {
        using var release = new ManualResetEventSlim();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await EventHost.StartAsync(configure: h => h.Plugins.Start("crm", p => p.OnMessage(async (_, message, _) =>
        {
            if (message.Span[0] == 1)
            {
                entered.SetResult();
                if (blocks) release.Wait(CancellationToken.None);
                else await new TaskCompletionSource().Task;
            }

            h.Log.Enqueue($"{message.Span[0]}");
            return new byte[] { (byte)(message.Span[0] + 1) };
        })));

        var stuck = host.Events.AskAsync("crm", new byte[] { 1 }, TimeSpan.FromSeconds(3)).AsTask();
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(60));
        var left = host.Events.AskAsync("crm", new byte[] { 3 }, TimeSpan.FromSeconds(2)).AsTask();
        var waiting = host.Events.AskAsync("crm", new byte[] { 5 }, TimeSpan.FromSeconds(25)).AsTask();
        for (var i = 0; i < 8; i++)
        {
            host.Clock.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Delay(20);
        }

        Assert.Equal("PLUGIN_COMMUNICATION_TIMEOUT", (await Assert.ThrowsAsync<NexusException>(() => stuck)).Code);
        Assert.Equal("PLUGIN_COMMUNICATION_TIMEOUT", (await Assert.ThrowsAsync<NexusException>(() => left)).Code);
        Assert.Equal(new byte[] { 6 }, (await waiting.WaitAsync(TimeSpan.FromSeconds(60))).ToArray());
        // What nobody waited for any more was not begun.
        Assert.Equal(["5"], host.Log);
        Assert.Equal(2, host.EventLog.GetStatistics().ByName["crm.message"].Failed);
        release.Set();
    }

    [Fact]
    public async Task A_full_queue_drops_for_its_own_subscriber_and_counts()
    {
        var (gate, entered) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var host = new EventHost(options: o => o.QueueCapacity = 5);
        host.Plugins.Start("slow", p => p.On("a.b", async (_, _) =>
        {
            entered.TrySetResult();
            await gate.Task;
        }, s => s with { Durable = false }));
        host.Plugins.Start("fast", p => p.On("a.b", (_, _) =>
        {
            host.Log.Enqueue("fast");
            return Task.CompletedTask;
        }, s => s with { Durable = false }));
        await host.StartAsync();

        for (var i = 0; i < 20; i++)
        {
            await host.PublishAsync("a.b", delivery: Delivery.Transient);
            await host.LogReaches(i + 1);
            // The first is out of the queue before others fill it.
            await entered.Task.WaitAsync(TimeSpan.FromSeconds(60));
        }

        var slow = Assert.Single(host.EventLog.GetSubscribers(), s => s.Plugin == "slow");
        Assert.Equal((5, 14), (slow.Waiting, slow.Dropped));
        Assert.Equal(slow.Dropped, host.EventLog.GetStatistics().Total.Dropped);
        gate.SetResult();
    }

    [Fact]
    public async Task Requests_get_the_first_reply_or_time_out()
    {
        await using var host = await EventHost.StartAsync(configure: h => h.Plugins.Start("prices", p => p.On("price.asked", (e, _) =>
        {
            e.Answer(new EventMessage { Name = "price.told", Data = "7"u8.ToArray() });
            return Task.CompletedTask;
        })));

        var reply = await host.Events.RequestAsync(new EventMessage { Name = "price.asked" }, TimeSpan.FromSeconds(1));
        var unanswered = host.Events.RequestAsync(new EventMessage { Name = "weather.asked" }, TimeSpan.FromSeconds(1)).AsTask();
        host.Clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("price.told", reply.Name);
        Assert.Equal("7"u8.ToArray(), reply.Data.ToArray());
        Assert.Equal("EVENT_TIMEOUT", (await Assert.ThrowsAsync<NexusException>(() => unanswered)).Code);
    }

    [Fact]
    public async Task Waiting_sees_the_next_durable_event_that_passes_the_filter()
    {
        await using var host = await EventHost.StartAsync();

        var waiting = host.Events.WaitForAsync("orders.*", TimeSpan.FromSeconds(5), FilterJson.Parse("""{"total":{"$gte":10}}"""), host.Clock).AsTask();
        await host.PublishAsync("orders.created", """{"total":9}""");
        var id = await host.PublishAsync("orders.created", """{"total":10}""");

        Assert.Equal(id, (await waiting.WaitAsync(TimeSpan.FromSeconds(60))).Id);
        Assert.Equal(["nexus/webhooks"], host.EventLog.GetSubscribers().Select(s => s.Group));
    }

    [Fact]
    public async Task Run_time_subscriptions_end_when_disposed()
    {
        await using var host = await EventHost.StartAsync();
        var subscription = host.Events.Subscribe(new SubscriptionDescriptor
        {
            Pattern = "*",
            Group = "test",
            Handle = (_, e, _) =>
            {
                host.Log.Enqueue(e.Message.Name);
                return ValueTask.CompletedTask;
            },
        });

        await host.PublishAsync("a.b", delivery: Delivery.Transient);
        await host.LogReaches(1);
        subscription.Dispose();
        await host.PublishAsync("a.c", delivery: Delivery.Transient);

        Assert.Equal(["a.b"], host.Log);
        Assert.Equal(["nexus/webhooks"], host.EventLog.GetSubscribers().Select(s => s.Group));
    }

    [Fact]
    public async Task A_handler_whose_time_is_over_is_cancelled_and_what_it_does_later_counts_no_more()
    {
        var ended = new TaskCompletionSource();
        await using var host = await EventHost.StartAsync(configure: h => h.Plugins.Start("p", p => p.On("a.b", async (e, ct) =>
        {
            Note(h, $"begun {e.Message.Key}");
            if (e.Message.Key == "slow")
            {
                await Task.Delay(Timeout.Infinite, ct).ContinueWith(_ => { }, TaskScheduler.Default);
                Note(h, "cancelled");
                e.Cancel();
                ended.SetResult();
            }
        }, s => s with { Durable = false, Timeout = TimeSpan.FromSeconds(5) })));

        await host.Events.PublishAsync(new EventMessage { Name = "a.b", Key = "slow" }, Delivery.Transient);
        await host.Events.PublishAsync(new EventMessage { Name = "a.b", Key = "next" }, Delivery.Transient);
        await EventHost.Until(() => host.Log.Contains("begun slow"));
        host.Clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(["begun slow"], host.Log);
        host.Clock.Advance(TimeSpan.FromSeconds(2));
        await ended.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await EventHost.Until(() => host.Log.Contains("begun next"));
        await host.Events.PublishAsync(new EventMessage { Name = "a.b", Key = "after" }, Delivery.Transient);
        await EventHost.Until(() => host.Log.Contains("begun after"));

        var counts = host.EventLog.GetStatistics().ByName["a.b"];
        Assert.Equal((1, 0), (counts.Failed, counts.Cancelled));
        await EventHost.Until(() => host.EventLog.GetStatistics().ByName["a.b"].Delivered == 2);

        static void Note(EventHost host, string line) => host.Log.Enqueue(line);
    }
}
