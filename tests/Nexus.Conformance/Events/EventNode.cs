using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Conformance.Events;

/// <summary>A whole node with plugins that a test writes, and what their handlers noted.</summary>
public sealed class EventNode : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private readonly PluginTestHost host;

    private EventNode(PluginTestHost host, ConcurrentQueue<string> log) => (this.host, Log) = (host, log);

    /// <summary>Lines of handlers, in order.</summary>
    public ConcurrentQueue<string> Log { get; }

    public IServiceProvider Services => host.Services;

    public IEvents Events => host.Services.GetRequiredService<IEvents>();

    public IEventLog History => host.Services.GetRequiredService<IEventLog>();

    public IPlugins Plugins => host.Services.GetRequiredService<IPlugins>();

    public IStorage Storage => host.Services.GetRequiredService<IStorage>();

    /// <summary>Starts a node.</summary>
    /// <param name="configure">Chooses storage and transport.</param>
    /// <param name="plugins">Plugins by id; they note what they do in the log.</param>
    public static async Task<EventNode> StartAsync(Action<PluginTestOptions> configure, params (string Id, Action<IPluginBuilder, ConcurrentQueue<string>> Declare)[] plugins)
    {
        var log = new ConcurrentQueue<string>();
        var host = await PluginTestHost.StartAsync(options =>
        {
            foreach (var (id, declare) in plugins)
                options.Add(new PluginManifest { Name = id, Version = "1.0.0", Category = PluginCategory.Custom, Description = "A plugin.", Entry = "" }, () => new Written(plugin => declare(plugin, log)));
            configure(options);
        });
        return new EventNode(host, log);
    }

    /// <summary>Waits until health says that the transport answers.</summary>
    public Task ConnectedAsync(string freight = "events") => UntilAsync(async () => (await HealthAsync(freight)).Status == HealthLevel.Healthy, "the transport answers");

    public ValueTask<PluginHealth> HealthAsync(string freight = "events") => host.Services.GetServices<IDependencyHealth>().Single(d => d.Name == freight).CheckAsync(CancellationToken.None);

    public ValueTask<Guid> PublishAsync(string name, string? key = null, int priority = 0, string data = "{}", DateTimeOffset? expires = null) =>
        Events.PublishAsync(new EventMessage { Name = name, Key = key, Priority = priority, Data = System.Text.Encoding.UTF8.GetBytes(data), ExpiresAt = expires });

    public Task LogsAsync(int count) => UntilAsync(() => ValueTask.FromResult(Log.Count >= count), $"{count} lines; there are {Log.Count}");

    public Task StateAsync(Guid id, string group, DeliveryState state) => UntilAsync(async () => await History.DeliveriesAsync(new DeliveryQuery(id, Group: group), CancellationToken.None) is [var d] && d.State == state, $"{group} becomes {state}");

    public static async Task UntilAsync(Func<ValueTask<bool>> condition, string what)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            if (limit.IsCancellationRequested)
                Assert.Fail($"Did not happen within {Patience}: {what}");
            await Task.Delay(5, CancellationToken.None);
        }
    }

    public ValueTask DisposeAsync() => host.DisposeAsync();

    private sealed class Written(Action<IPluginBuilder> configure) : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => configure(plugin);
    }
}
