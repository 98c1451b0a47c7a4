using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Kernel.Events;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>What subscribers learn of the life of plugins.</summary>
public sealed class LifecycleEventTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-lifecycle-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_subscriber_sees_every_step_with_plugin_and_version()
    {
        await using var host = await NodeHost.OpenAsync(folder, add: services => services.AddNexusEvents());
        foreach (var hosted in host.Services.GetServices<IHostedService>())
        {
            await hosted.StartAsync(TestContext.Current.CancellationToken);
        }

        var seen = new ConcurrentQueue<string>();
        var events = host.Services.GetRequiredService<IEvents>();
        using var subscription = events.Subscribe(new SubscriptionDescriptor
        {
            Pattern = "plugin.*",
            Group = "test",
            Handle = (_, context, _) =>
            {
                var data = JsonNode.Parse(context.Message.Data.Span)!;
                seen.Enqueue($"{context.Message.Name} {data["id"]} {data["version"]}{(data["code"] is { } code ? $" {code}" : "")}");
                return ValueTask.CompletedTask;
            },
        });

        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "1.0.0", PluginCompiler.Answering("one"))));
        await host.RunAsync(new PluginCommand.Disable("hello"));
        await host.RunAsync(new PluginCommand.Enable("hello"));
        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "2.0.0", PluginCompiler.Answering("two")), Update: true));
        var broken = host.Version("hello", "3.0.0", "public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => throw new InvalidOperationException(\"no\"); }");
        await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(broken, Update: true)));
        await host.RunAsync(new PluginCommand.Remove("hello"));

        string[] expected =
        [
            "plugin.loaded hello 1.0.0", "plugin.installed hello 1.0.0",
            "plugin.unloaded hello 1.0.0", "plugin.disabled hello 1.0.0",
            "plugin.loaded hello 1.0.0", "plugin.enabled hello 1.0.0",
            "plugin.loaded hello 2.0.0", "plugin.updated hello 2.0.0",
            "plugin.error hello 3.0.0 PLUGIN_LOAD_FAILED",
            "plugin.unloaded hello 2.0.0", "plugin.removed hello 2.0.0",
        ];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (seen.Count < expected.Length)
        {
            await Task.Delay(20, limit.Token);
        }

        Assert.Equal(expected, seen);
        foreach (var hosted in host.Services.GetServices<IHostedService>().Where(h => h is not IPlugins).Reverse())
        {
            await hosted.StopAsync(TestContext.Current.CancellationToken);
        }
    }
}
