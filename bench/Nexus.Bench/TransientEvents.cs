using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Bench;

/// <summary>Transient events from being published to being handled by ten handlers in the process.</summary>
internal static class TransientEvents
{
    private const int Handlers = 10;
    private const int Count = 100_000;
    private const int Window = 500;
    private static readonly EventMessage Message = new() { Name = "bench.told", Source = "nexus", CorrelationId = "bench", OccurredAt = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero) };

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var gate = new Countdown();
        await using var host = await PluginTestHost.StartAsync(options => options.Add(
            new PluginManifest { Name = "bench", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Counts.", Entry = "" },
            () => new Ten(gate)));
        var events = host.Services.GetRequiredService<IEvents>();
        await using var loop = new DelegateLoop(gate);
        var rates = await EventBench.InTurnsAsync(
            () => RateAsync(gate, async count =>
            {
                for (var n = 0; n < count; n++) await events.PublishAsync(Message, Delivery.Transient);
            }),
            () => RateAsync(gate, count =>
            {
                for (var n = 0; n < count; n++) loop.Publish(Message);
                return ValueTask.CompletedTask;
            }));
        var bytes = await AllocatedAsync(gate, events);
        return
        [
            new("transient publishes a second to 10 handlers over 10 delegates, each with a bounded queue, a scope, a time limit and counters", rates.Ratio, "×", 0.5, Baseline: rates.Raw),
            new("transient publishes a second to 10 handlers", rates.Nexus, "/s"),
            new("bytes allocated a transient publish", bytes, "B", 0, AtLeast: false),
        ];
    }

    private static async Task<double> RateAsync(Countdown gate, Func<int, ValueTask> publish)
    {
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Count; i += Window)
        {
            var done = gate.Expect(Window * Handlers);
            await publish(Window);
            await done.WaitAsync(TimeSpan.FromSeconds(30));
        }

        return Count / clock.Elapsed.TotalSeconds;
    }

    // Of the publishing thread, to a tenth of a byte: what the runtime allocates for its own queues once in a while is no more than that.
    private static async Task<double> AllocatedAsync(Countdown gate, IEvents events)
    {
        var bytes = 0L;
        for (var i = 0; i < Count; i += Window)
        {
            var done = gate.Expect(Window * Handlers);
            // A transient publish never waits, so all of this is one thread's.
            bytes += await Task.Run(async () =>
            {
                await events.PublishAsync(Message, Delivery.Transient);
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var n = 1; n < Window; n++) await events.PublishAsync(Message, Delivery.Transient);
                return GC.GetAllocatedBytesForCurrentThread() - before;
            });
            await done.WaitAsync(TimeSpan.FromSeconds(30));
        }

        return Math.Round(bytes / (double)Count, 1);
    }

    private sealed class Countdown
    {
        private TaskCompletionSource all = new();
        private int left;

        public Task Expect(int count)
        {
            all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref left, count);
            return all.Task;
        }

        public void Count()
        {
            if (Interlocked.Decrement(ref left) == 0) all.TrySetResult();
        }
    }

    private sealed class Ten(Countdown gate) : IPlugin
    {
        public void Configure(IPluginBuilder plugin)
        {
            for (var i = 0; i < Handlers; i++)
            {
                plugin.On("bench.told", (_, _) =>
                {
                    gate.Count();
                    return Task.CompletedTask;
                }, handler => handler with { Durable = false });
            }
        }
    }

    /// <summary>The same by hand: a bounded channel a delegate, and for each call a scope of services, a time limit, the caller's context and counters by name.</summary>
    private sealed class DelegateLoop : IAsyncDisposable
    {
        private readonly ServiceProvider services = new ServiceCollection().BuildServiceProvider();
        private readonly Meter meter = new("bench");
        private readonly Counter<long> published;
        private readonly Counter<long> handled;
        private readonly Histogram<double> seconds;
        private readonly ConcurrentDictionary<string, StrongCount> byName = new();
        private readonly AsyncLocal<string> context = new();
        private readonly List<Channel<EventMessage>> queues = [];
        private readonly List<Task> readers = [];

        public DelegateLoop(Countdown gate)
        {
            (published, handled, seconds) = (meter.CreateCounter<long>("published"), meter.CreateCounter<long>("handled"), meter.CreateHistogram<double>("seconds"));
            for (var i = 0; i < Handlers; i++)
            {
                var queue = Channel.CreateBounded<EventMessage>(new BoundedChannelOptions(1024) { SingleReader = true });
                queues.Add(queue);
                readers.Add(Task.Run(() => ReadAsync(queue.Reader, (_, _) =>
                {
                    gate.Count();
                    return Task.CompletedTask;
                })));
            }
        }

        public void Publish(EventMessage message)
        {
            Interlocked.Increment(ref Of(message.Name).Value);
            published.Add(1, new KeyValuePair<string, object?>("event_type", message.Name));
            foreach (var queue in queues)
            {
                if (!queue.Writer.TryWrite(message)) throw new InvalidOperationException("A queue is full.");
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var queue in queues) queue.Writer.Complete();
            await Task.WhenAll(readers);
            meter.Dispose();
            await services.DisposeAsync();
        }

        private async Task ReadAsync(ChannelReader<EventMessage> reader, Func<EventMessage, CancellationToken, Task> handle)
        {
            var limit = new CancellationTokenSource();
            await foreach (var message in reader.ReadAllAsync())
            {
                var started = Stopwatch.GetTimestamp();
                limit.CancelAfter(TimeSpan.FromSeconds(30));
                await CallAsync(message, handle, limit.Token);
                if (!limit.TryReset()) limit = new CancellationTokenSource();
                var label = new KeyValuePair<string, object?>("event_type", message.Name);
                Interlocked.Increment(ref Of(message.Name).Value);
                handled.Add(1, label, new KeyValuePair<string, object?>("outcome", "handled"));
                seconds.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, label);
            }

            limit.Dispose();
        }

        private async ValueTask CallAsync(EventMessage message, Func<EventMessage, CancellationToken, Task> handle, CancellationToken limit)
        {
            context.Value = message.CorrelationId!;
            await using var scope = services.CreateAsyncScope();
            await handle(message, limit);
        }

        private StrongCount Of(string name) => byName.GetOrAdd(name, static _ => new StrongCount());

        private sealed class StrongCount
        {
            public long Value;
        }
    }
}
