using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Kernel.Events;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Events;

/// <summary>Events as the host registers them, over a store, with plugins that the test declares.</summary>
internal sealed class EventHost : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly ServiceProvider provider;

    public EventHost(FakeEventStore? store = null, FakeClock? clock = null, Action<EventsOptions>? options = null)
    {
        Clock = clock ?? new FakeClock();
        Store = store ?? new FakeEventStore(Clock);
        provider = new ServiceCollection()
            .AddSingleton<TimeProvider>(Clock)
            .AddSingleton<IPlugins>(Plugins)
            .AddSingleton<IEventStore>(Store)
            .AddSingleton<IStorage>(Store)
            .AddNexusEvents()
            .Configure<EventsOptions>(o => o.RetryJitter = 0)
            .Configure<EventsOptions>(o => options?.Invoke(o))
            .BuildServiceProvider();
    }

    public FakeClock Clock { get; }

    public FakeEventStore Store { get; }

    public FakePlugins Plugins { get; } = new();

    /// <summary>What handlers of the test wrote, in order.</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    public IEvents Events => provider.GetRequiredService<IEvents>();

    public IEventLog EventLog => provider.GetRequiredService<IEventLog>();

    public IServiceProvider Services => provider;

    public static async Task<EventHost> StartAsync(FakeEventStore? store = null, FakeClock? clock = null, Action<EventHost>? configure = null)
    {
        var host = new EventHost(store, clock);
        configure?.Invoke(host);
        await host.StartAsync();
        return host;
    }

    public ValueTask DeclareAsync() => provider.GetRequiredService<EventGroups>().DeclareAsync(Plugins.Current, default);

    public async Task StartAsync()
    {
        await DeclareAsync();
        foreach (var hosted in provider.GetServices<IHostedService>())
            await hosted.StartAsync(CancellationToken.None);
    }

    /// <summary>Waits until this node has no taken delivery and every end of one is stored.</summary>
    public async Task Settling()
    {
        await Until(() => EventLog.GetSubscribers().All(s => s.Waiting == 0));
        await provider.GetRequiredService<DurableDelivery>().FlushAsync();
    }

    public ValueTask<Guid> PublishAsync(string name, string data = "{}", int priority = 0, string? key = null, Delivery delivery = Delivery.Durable) =>
        Events.PublishAsync(new EventMessage { Name = name, Data = System.Text.Encoding.UTF8.GetBytes(data), Priority = priority, Key = key }, delivery);

    public Task LogReaches(int count) => Until(() => Log.Count >= count, () => $"{count} log lines; there are: {string.Join(", ", Log)}");

    public static async Task Until(Func<bool> condition, Func<string>? what = null)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!condition())
        {
            if (limit.IsCancellationRequested)
                Assert.Fail($"Did not happen within {Patience}: {what?.Invoke()}");
            await Task.Delay(2, CancellationToken.None);
        }
    }

    public async Task<EventDelivery> DeliveryAsync(Guid id, string group) =>
        Assert.Single(await Store.DeliveriesAsync(new DeliveryQuery(id, Group: group), default));

    public async Task Settled(Guid id, string group, DeliveryState state)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (await Store.DeliveriesAsync(new DeliveryQuery(id, Group: group), default) is not [var d] || d.State != state)
        {
            if (limit.IsCancellationRequested)
                Assert.Fail($"{group} did not become {state}; log: {string.Join(", ", Log)}");
            await Task.Delay(2, CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var hosted in provider.GetServices<IHostedService>().Reverse())
            await hosted.StopAsync(CancellationToken.None);
        await provider.DisposeAsync();
    }
}
