using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Data;
using Nexus.Kernel.Tasks;
using Nexus.Kernel.Tests.Events;

namespace Nexus.Kernel.Tests.Tasks;

/// <summary>A node that runs tasks over a real storage engine, alone or beside others on one storage.</summary>
internal sealed class TaskNode : IAsyncDisposable
{
    private readonly ServiceProvider provider;
    private readonly StorageSet? lent;
    private bool stopped;

    private TaskNode(ServiceProvider provider, FakePlugins plugins, StorageSet? lent) => (this.provider, Plugins, this.lent) = (provider, plugins, lent);

    public FakePlugins Plugins { get; }

    public ConcurrentQueue<string> Log { get; } = new();

    public ITasks Tasks => provider.GetRequiredService<ITasks>();

    public IServiceProvider Services => provider;

    public StorageSet Storage => lent ?? provider.GetRequiredService<StorageOpener>().Set;

    public static async Task<TaskNode> StartAsync(string engine, string folder, Action<TaskNode> configure, StorageSet? shared = null, TimeProvider? clock = null, Action<TasksOptions>? options = null)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["database:type"] = engine, ["database:directory"] = folder }).Build();
        var plugins = new FakePlugins();
        var services = new ServiceCollection().AddSingleton<IPlugins>(plugins).AddSingleton(clock ?? TimeProvider.System);
        if (shared is null)
            services.AddNexusData(settings);
        else
            services.AddSingleton(shared.Records).AddSingleton(shared.Tasks!);
        var provider = services.AddNexusTasks().Configure<TasksOptions>(o =>
        {
            // No task is to be lost to a machine that stalls; a test of leases moves the clock.
            o.Lease = TimeSpan.FromMinutes(5);
            o.RetryDelay = TimeSpan.FromMilliseconds(20);
            o.StopTimeout = TimeSpan.FromMilliseconds(100);
            options?.Invoke(o);
        }).BuildServiceProvider();
        if (shared is null)
            await StorageOpener.OpenAsync(provider);
        var node = new TaskNode(provider, plugins, shared);
        configure(node);
        foreach (var hosted in provider.GetServices<IHostedService>())
            await hosted.StartAsync(CancellationToken.None);
        return node;
    }

    public async Task<TaskEntry> BecomesAsync(Guid id, Func<TaskEntry, bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        TaskEntry task;
        while (!condition(task = await Tasks.GetAsync(id)))
            await Task.Delay(5, limit.Token);
        return task;
    }

    public async Task StopAsync()
    {
        if (stopped)
            return;
        stopped = true;
        foreach (var hosted in provider.GetServices<IHostedService>().Reverse())
            await hosted.StopAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await provider.DisposeAsync();
    }
}
