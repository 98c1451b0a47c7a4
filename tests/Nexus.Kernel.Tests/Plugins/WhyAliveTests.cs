using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class WhyAliveTests
{
    [Fact]
    public async Task A_quarantined_plugin_is_told_what_holds_it_and_the_active_generation_is_not_asked_about()
    {
        await using var host = new KernelHost(o => o.UnloadLimit = TimeSpan.FromMilliseconds(300));
        host.Add("leaky", """
            public sealed class ThePlugin : IPlugin, IStart
            {
                public void Configure(IPluginBuilder plugin) { }
                public Task StartAsync(IServiceProvider s, CancellationToken t) { AppDomain.CurrentDomain.ProcessExit += Bye; return Task.CompletedTask; }
                private void Bye(object? sender, EventArgs e) { }
            }
            """);
        await host.StartAsync();
        var reader = host.Services.GetRequiredService<IWhyAlive>();

        Assert.Empty(await reader.ExplainAsync("leaky", TestContext.Current.CancellationToken));
        var status = await host.RunAsync(new PluginCommand.Disable("leaky"));
        var holds = await reader.ExplainAsync("leaky", TestContext.Current.CancellationToken);

        Assert.Equal(PluginState.Quarantined, status.State);
        Assert.Equal(("leaky#1", "static-event"), (holds[0].Context, holds[0].Cause));
        Assert.Contains("System.EventHandler to ThePlugin.Bye", holds[0].Path);
    }

    [Fact]
    public async Task A_plugin_that_crashes_the_node_again_and_again_is_quarantined_until_it_is_reloaded()
    {
        await using var host = new KernelHost();
        host.Add("crashy", "public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) { } }");
        await host.StartAsync();

        var status = await host.RunAsync(new PluginCommand.Quarantine("crashy", "5 unhandled exceptions within 00:01:00"));

        Assert.Equal((PluginState.Quarantined, "5 unhandled exceptions within 00:01:00", true, 0), (status.State, status.Cause, status.Enabled, status.GenerationsAlive));
        Assert.Null(host.Kernel.Current.Find("crashy"));
        Assert.Equal(PluginState.Active, (await host.RunAsync(new PluginCommand.Reload("crashy"))).State);
    }
}
