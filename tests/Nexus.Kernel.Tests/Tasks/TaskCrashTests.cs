using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Data;
using Nexus.Kernel.Plugins;
using Nexus.Kernel.Services;
using Nexus.Kernel.Tasks;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Tasks;

/// <summary>A worker process that is killed again and again in the middle of its tasks.</summary>
public sealed class TaskCrashTests : IDisposable
{
    internal const string ChildVariable = "NEXUS_TASK_CHILD";
    private const int Tasks = 1000;
    private const int Kills = 20;

    private static readonly PluginManifest Manifest = new() { Name = "effects", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Has effects.", Entry = "" };

    private readonly string folder = Directory.CreateTempSubdirectory("nexus-task-crash-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_thousand_tasks_have_each_effect_exactly_once_though_their_worker_is_killed_twenty_times()
    {
        await using (var asking = await NodeAsync(folder, worker: false))
            await asking.GetRequiredService<ITasks>().EnqueueAsync([.. Enumerable.Range(0, Tasks).Select(n => new NewTask("effects.write") { Input = JsonCodec.For<int>().Serialize(n), MaxRetries = 100 })]);

        var random = new Random(7);
        var kills = 0;
        while (kills < Kills && (await KilledProgram.RunAsync(ChildVariable, folder, random.Next(5, 40), mayEnd: true)).Count > 0)
            kills++;
        await KilledProgram.RunAsync(ChildVariable, folder, int.MaxValue, mayEnd: true);

        await using var after = await NodeAsync(folder, worker: false);
        var counts = await after.GetRequiredService<ITaskHistory>().CountAsync(null, null, default);
        var storage = after.GetRequiredService<IStorage>();
        var page = await storage.QueryAsync(new RecordQuery { Tenant = "default", Table = IStorage.Documents, KeyPrefix = "plugins/custom/effects/data/done/", Limit = 2000 }, default);
        var count = await storage.FindAsync(new RecordKey("default", IStorage.Documents, "plugins/custom/effects/data/count"), default);

        Assert.Equal(Kills, kills);
        Assert.Contains(await after.GetRequiredService<ITaskHistory>().ListAsync(new TaskQuery { Limit = 2000 }, default), t => t.Attempt > 1);
        Assert.Equal([("effects.write", TaskState.Success, 1000L)], counts.Select(c => (c.Task, c.State, c.Count)));
        Assert.Equal(1000, page.Records.Length);
        Assert.Equal("1000", System.Text.Encoding.UTF8.GetString(count!.Json.Span));
    }

    /// <summary>The process that is killed: a whole node but for HTTP, until there is nothing left to do.</summary>
    internal static async Task WorkAsync(string folder)
    {
        await using var node = await NodeAsync(folder, worker: true);
        var history = node.GetRequiredService<ITaskHistory>();
        while ((await history.CountAsync(null, null, default)).Any(c => !c.State.IsFinished()))
            await Task.Delay(20);
        foreach (var hosted in node.GetServices<IHostedService>().Reverse())
            await hosted.StopAsync(default);
    }

    private static async Task<ServiceProvider> NodeAsync(string folder, bool worker)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["database:type"] = "sqlite", ["database:directory"] = folder }).Build();
        var options = new PluginsOptions { DataDirectory = folder, HotReload = false, WatchPeriod = TimeSpan.Zero, Grace = TimeSpan.Zero };
        options.BuiltIn.Add(new BuiltInPlugin(Manifest, () => new Effects()));
        var provider = new ServiceCollection().AddSingleton<IConfiguration>(configuration).AddNexusData(configuration).AddNexusPlugins(options).AddNexusServices().AddNexusTasks().AddLogging()
            .Configure<TasksOptions>(o => (o.Worker, o.Lease, o.RetryDelay, o.Concurrency) = (worker, TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(1), 4)).BuildServiceProvider();
        await StorageOpener.OpenAsync(provider);
        foreach (var hosted in provider.GetServices<IHostedService>())
            await hosted.StartAsync(default);
        return provider;
    }

    private sealed class Effects : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => plugin.AddTask<int>("write", async (services, n, context, ct) =>
        {
            var documents = services.GetRequiredService<IDocuments>();
            await documents.SetAsync($"done/{n.ToString(CultureInfo.InvariantCulture)}", context.Attempt, ct);
            var count = await documents.FindAsync("count", ct);
            await documents.CommitAsync([new DocumentWrite("count", (count?.Value?.GetValue<int>() ?? 0) + 1, count?.Revision ?? 0)], cancellationToken: ct);
            KilledProgram.Acknowledge(n.ToString(CultureInfo.InvariantCulture));
        });
    }
}
