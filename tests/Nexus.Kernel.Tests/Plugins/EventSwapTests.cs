using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Data;
using Nexus.Kernel.Events;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Tests.Events;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>Real generations under event delivery on SQLite.</summary>
public sealed class EventSwapTests
{
    private const string Source = """
        [Event("seen.thing")] public sealed record Seen(string Of, int Version);
        public sealed class ThePlugin : IPlugin, IStart
        {
            public void Configure(IPluginBuilder plugin) => plugin
                .On("orders.*", async (services, e, ct) => await services.GetRequiredService<IEvents>().PublishAsync(new Seen(e.Message.Key!, VERSION), Delivery.Transient, ct))
                .On<Seen>((seen, ct) => Task.CompletedTask);
            public Task StartAsync(IServiceProvider s, CancellationToken t)
            {
                s.GetRequiredService<IEvents>().Subscribe(new SubscriptionDescriptor { Pattern = "*", Group = "own", Handle = (_, _, _) => default });
                return Task.CompletedTask;
            }
        }
        """;

    [Fact]
    public async Task Swaps_under_events_lose_none_and_every_old_generation_leaves_memory()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-swap-events-").FullName;
        var settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["database:directory"] = folder }).Build();
        await using (var host = new KernelHost(add: s => s.AddNexusData(settings).AddNexusEvents()))
        {
            await StorageOpener.OpenAsync(host.Services);
            host.Add("listener", Source.Replace("VERSION", "1", StringComparison.Ordinal));
            foreach (var hosted in host.Services.GetServices<IHostedService>())
                await hosted.StartAsync(CancellationToken.None);
            var events = host.Services.GetRequiredService<IEvents>();
            var seen = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
            using var subscription = events.Subscribe(new SubscriptionDescriptor
            {
                Pattern = "seen.thing",
                Group = "test",
                Handle = (_, e, _) =>
                {
                    var data = System.Text.Json.JsonSerializer.Deserialize<System.Text.Json.JsonElement>(e.Message.Data.Span);
                    seen.AddOrUpdate(data.GetProperty("of").GetString()!, 1, (_, n) => n + 1);
                    Assert.Equal("listener", e.Message.Source);
                    return ValueTask.CompletedTask;
                },
            });

            var published = 0;
            using var end = new CancellationTokenSource();
            var load = Task.Run(async () =>
            {
                while (!end.IsCancellationRequested)
                {
                    // No more under way than the queue of the transient events that tell of them holds.
                    await EventHost.Until(() => published - seen.Count < 500, () => $"{seen.Count} of {published}");
                    await events.PublishAsync(new EventMessage { Name = "orders.created", Key = $"{published}" });
                    published++;
                    await Task.Delay(1);
                }
            });
            for (var version = 2; version <= 6; version++)
            {
                var next = host.Version("listener", $"{version}.0.0", Source.Replace("VERSION", $"{version}", StringComparison.Ordinal));
                Assert.Equal(PluginState.Active, (await host.RunAsync(new PluginCommand.Install(next, Update: true))).State);
            }

            await end.CancelAsync();
            await load;
            await EventHost.Until(() => seen.Count >= published, () => $"{seen.Count} of {published}");
            await host.Kernel.RetiredAsync("listener");

            Assert.Equal(0, host.Status("listener").GenerationsAlive);
            Assert.Equal(0, host.Services.GetRequiredService<IEventLog>().GetStatistics().Total.Failed);
            Assert.Equal((PluginState.Stopped, 0), (await host.RunAsync(new PluginCommand.Disable("listener"))) is var status ? (status.State, status.GenerationsAlive) : default);
            foreach (var hosted in host.Services.GetServices<IHostedService>().Where(h => h is not IPlugins).Reverse())
                await hosted.StopAsync(CancellationToken.None);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_group_exists_before_its_plugin_serves_and_goes_with_its_removal()
    {
        var clock = new FakeClock();
        var store = new FakeEventStore(clock);
        await using var host = new KernelHost(add: s => s.AddSingleton<IEventStore>(store).AddSingleton<IStorage>(store).AddNexusEvents());
        host.Add("listener", Source.Replace("VERSION", "1", StringComparison.Ordinal));
        var declaredAtPublication = false;
        host.Kernel.GetChangeToken().RegisterChangeCallback(_ => declaredAtPublication = store.Groups.Contains("listener/orders.*"), null);

        await host.StartAsync();
        Assert.True(declaredAtPublication);
        await host.RunAsync(new PluginCommand.Remove("listener"));

        Assert.Empty(store.Groups);
    }
}
