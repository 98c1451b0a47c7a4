using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>Old generations that leave memory after they were given up.</summary>
public sealed class LateLeaverTests
{
    [Fact]
    public async Task A_generation_that_leaves_late_is_no_longer_counted_and_the_warning_goes()
    {
        await using var host = new KernelHost(o => (o.UnloadLimit, o.HealthInterval) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100)));
        host.Add("hello", Holding(host));
        await host.StartAsync();
        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "2.0.0", PluginCompiler.Answering("two")), Update: true));
        await host.Kernel.RetiredAsync("hello");
        var before = host.Status("hello");

        Release(host);
        await UntilAsync(() => host.Status("hello") is { GenerationsAlive: 0, Warning: null });

        Assert.Equal(1, before.GenerationsAlive);
        Assert.NotNull(before.Warning);
        Assert.Null(host.Status("hello").Warning);
        Assert.Equal("two", await host.CallAsync("hello"));
    }

    [Fact]
    public async Task A_plugin_that_was_quarantined_for_code_that_stayed_is_stopped_once_it_left()
    {
        await using var host = new KernelHost(o => (o.UnloadLimit, o.HealthInterval) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100)));
        host.Add("hello", Holding(host));
        await host.StartAsync();

        var stuck = await host.RunAsync(new PluginCommand.Disable("hello"));
        Release(host);
        await UntilAsync(() => host.Status("hello") is { State: PluginState.Stopped, GenerationsAlive: 0 });

        Assert.Equal(PluginState.Quarantined, stuck.State);
        Assert.Equal((0, null, null), (host.Status("hello").GenerationsAlive, host.Status("hello").Warning, host.Status("hello").Cause));
    }

    [Fact]
    public async Task The_limit_of_generations_left_behind_asks_again_before_it_refuses()
    {
        await using var host = new KernelHost(o => (o.UnloadLimit, o.HealthInterval, o.MaxAlive) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1), 1));
        host.Add("hello", Holding(host));
        await host.StartAsync();
        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "2.0.0", PluginCompiler.Answering("two")), Update: true));
        await host.Kernel.RetiredAsync("hello");
        var third = host.Version("hello", "3.0.0", PluginCompiler.Answering("three"));

        var refused = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(third, Update: true)));
        Release(host);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        for (var swapped = false; !swapped;)
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Delay(50, limit.Token);
            swapped = await Record.ExceptionAsync(() => host.RunAsync(new PluginCommand.Install(third, Update: true))) is null;
        }

        Assert.Equal("PLUGIN_QUARANTINED", refused.Code);
        Assert.Equal("three", await host.CallAsync("hello"));
    }

    /// <summary>A plugin whose own task runs until a file appears.</summary>
    private static string Holding(KernelHost host) => PluginCompiler.Answering("one", interfaces: ", IStart", members: $$"""
        public Task StartAsync(IServiceProvider s, CancellationToken t)
        {
            _ = Task.Run(async () => { while (!File.Exists("{{Path.Combine(host.Folder, "go")}}")) await Task.Delay(20); });
            return Task.CompletedTask;
        }
        """);

    private static void Release(KernelHost host) => File.WriteAllText(Path.Combine(host.Folder, "go"), "");

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
