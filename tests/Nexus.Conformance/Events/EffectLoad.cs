using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Conformance.Events;

/// <summary>Events under load whose handlers have an effect each: an event published in the unit of work of the delivery, so that a second effect would show in the history.</summary>
public static class EffectLoad
{
    private const int Batch = 20;

    /// <summary>The plugin whose handler has the effects. Its time limit is short, so that leases are.</summary>
    public static (string Id, Action<IPluginBuilder, ConcurrentQueue<string>> Declare) Plugin => ("load", (plugin, log) => plugin.On("load.asked", async (services, e, ct) =>
    {
        await services.GetRequiredService<IEvents>().PublishAsync(new EventMessage { Name = "load.done", Key = e.Message.Headers["n"] }, cancellationToken: ct);
        log.Enqueue(e.Message.Headers["n"]);
    }, s => s with { Timeout = TimeSpan.FromSeconds(1), MaxAttempts = 50, RetryDelay = TimeSpan.FromMilliseconds(50) }));

    /// <summary>Publishes, spread over the nodes, with something that happens when a third is published. No publishing may fail.</summary>
    public static async Task PublishAsync(int count, Func<Task> meanwhile, params EventNode[] nodes)
    {
        ArgumentNullException.ThrowIfNull(meanwhile);
        var happening = Task.CompletedTask;
        for (var i = 0; i < count; i += Batch)
        {
            if (i >= count / 3 && i < (count / 3) + Batch)
                happening = meanwhile();
            await nodes[i / Batch % nodes.Length].Events.PublishAsync([.. Enumerable.Range(i, Batch).Select(n => new EventMessage { Name = "load.asked", Key = n % 5 == 0 ? $"key {n % 3}" : null, Headers = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add("n", $"{n}") })]);
        }

        await happening;
    }

    /// <summary>Waits until each has had its effect and asserts that none had two.</summary>
    public static async Task OnceEachAsync(EventNode node, int count)
    {
        await EventNode.UntilAsync(async () => await DoneAsync(node, count) >= count, $"{count} effects");
        await EventNode.UntilAsync(async () => (await node.History.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Pending), CancellationToken.None)).IsEmpty, "nothing waits");
        var done = (await node.History.ReadAsync(new EventQuery { Pattern = "load.done", Limit = count * 2 }, CancellationToken.None)).Events.Select(e => e.Message.Key).ToList();
        Assert.Equal(count, done.Count);
        Assert.Equal(count, done.Distinct().Count());
    }

    /// <summary>Asserts that nodes shared the work: each had its part of it, and what was tried again, as where a machine stood still for longer than the time limit, is the exception.</summary>
    public static void Shared(int count, params EventNode[] nodes)
    {
        var parts = nodes.Select(n => n.Log.Count).ToList();
        Assert.Equal(count, nodes.SelectMany(n => n.Log).Distinct().Count());
        Assert.InRange(parts.Sum(), count, count + (count / 10));
        Assert.True(parts.Min() > count / 20, $"handled were {string.Join(", ", parts)}");
    }

    private static async ValueTask<int> DoneAsync(EventNode node, int count) => (await node.History.ReadAsync(new EventQuery { Pattern = "load.done", Limit = count * 2 }, CancellationToken.None)).Events.Length;
}
