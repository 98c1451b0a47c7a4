using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Data;
using Nexus.Kernel.Events;

namespace Nexus.Kernel.Tests.Events;

/// <summary>Event delivery over a real storage engine, in real time.</summary>
internal sealed class EngineNode : IAsyncDisposable
{
    private readonly ServiceProvider provider;
    private readonly StorageSet? lent;

    private EngineNode(ServiceProvider provider, FakePlugins plugins, StorageSet? lent) => (this.provider, Plugins, this.lent) = (provider, plugins, lent);

    public FakePlugins Plugins { get; }

    public ConcurrentQueue<string> Log { get; } = new();

    public IEvents Events => provider.GetRequiredService<IEvents>();

    public IEventLog EventLog => provider.GetRequiredService<IEventLog>();

    public StorageSet Storage => lent ?? provider.GetRequiredService<StorageOpener>().Set;

    public IServiceProvider Services => provider;

    /// <summary>Starts a node on a folder, or on the storage of another node.</summary>
    public static async Task<EngineNode> StartAsync(string engine, string folder, Action<EngineNode> configure, StorageSet? shared = null, Action<IServiceCollection>? more = null)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["database:type"] = engine, ["database:directory"] = folder }).Build();
        var plugins = new FakePlugins();
        var services = new ServiceCollection().AddSingleton<IPlugins>(plugins);
        if (shared is null)
            services.AddNexusData(settings);
        else
            services.AddSingleton(shared.Records).AddSingleton(shared.Events);
        services.AddNexusEvents();
        more?.Invoke(services);
        var provider = services.BuildServiceProvider();
        if (shared is null)
            await StorageOpener.OpenAsync(provider);
        var node = new EngineNode(provider, plugins, shared);
        configure(node);
        await provider.GetRequiredService<EventGroups>().DeclareAsync(plugins.Current, default);
        foreach (var hosted in provider.GetServices<IHostedService>())
            await hosted.StartAsync(CancellationToken.None);
        return node;
    }

    public async Task StateBecomes(Guid id, string group, DeliveryState state)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await EventLog.DeliveriesAsync(new DeliveryQuery(id, Group: group), limit.Token) is not [var d] || d.State != state)
            await Task.Delay(5, limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var hosted in provider.GetServices<IHostedService>().Reverse())
            await hosted.StopAsync(CancellationToken.None);
        await provider.DisposeAsync();
    }
}
