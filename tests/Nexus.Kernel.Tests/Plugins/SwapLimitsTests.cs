using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class SwapLimitsTests
{
    private const string Leak = "AppDomain.CurrentDomain.ProcessExit += (_, _) => GC.KeepAlive(typeof(ThePlugin));";

    [Fact]
    public async Task A_generation_that_stays_in_memory_is_a_warning_and_too_many_refuse_the_next_swap()
    {
        await using var host = new KernelHost(o => (o.UnloadLimit, o.MaxAlive) = (TimeSpan.FromMilliseconds(100), 2));
        host.Add("hello", PluginCompiler.Answering("1", more: Leak));
        await host.StartAsync();

        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "2.0.0", PluginCompiler.Answering("2", more: Leak)), Update: true));
        await host.Kernel.RetiredAsync("hello");
        var warned = host.Status("hello");
        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "3.0.0", PluginCompiler.Answering("3")), Update: true));
        await host.Kernel.RetiredAsync("hello");
        var refused = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(host.Version("hello", "4.0.0", PluginCompiler.Answering("4")), Update: true)));

        Assert.Equal((PluginState.Active, 1), (warned.State, warned.GenerationsAlive));
        Assert.Contains("hello 1.0.0 (generation 1) did not leave memory", warned.Warning, StringComparison.Ordinal);
        Assert.Contains("nexus plugin why-alive hello", warned.Warning, StringComparison.Ordinal);
        Assert.Equal("PLUGIN_QUARANTINED", refused.Code);
        Assert.Equal("3", await host.CallAsync("hello"));
        Assert.Equal("3.0.0", host.Status("hello").Version);
    }

    [Fact]
    public async Task An_update_of_a_stable_plugin_waits_for_the_next_start()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-stable-").FullName;
        var update = PluginCompiler.Plugin(Path.Combine(folder, "v2"), "hello", "2.0.0", PluginCompiler.Answering("two"), m => m["isolation"] = "stable");
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("one"), manifest: m => m["isolation"] = "stable");
        await host.StartAsync();

        var status = await host.RunAsync(new PluginCommand.Install(update, Update: true));
        var reload = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Reload("hello")));

        Assert.Equal(("1.0.0", PluginState.Active, "2.0.0 is kept; restart to activate it."), (status.Version, status.State, status.Pending));
        Assert.Equal("PLUGIN_NOT_SWAPPABLE", reload.Code);
        Assert.Equal("one", await host.CallAsync("hello"));
        var record = await host.Packages.Records.ReadAsync("hello", TestContext.Current.CancellationToken);
        Assert.Equal("2.0.0", record!.Version);

        var back = await host.RunAsync(new PluginCommand.Rollback("hello"));

        Assert.Null(back.Pending);
        Assert.Equal("1.0.0", (await host.Packages.Records.ReadAsync("hello", TestContext.Current.CancellationToken))!.Version);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task What_waits_for_the_next_start_starts_when_the_plugin_is_turned_on_again()
    {
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("one"), manifest: m => m["isolation"] = "stable");
        await host.StartAsync();
        await host.RunAsync(new PluginCommand.Install(host.Version("hello", "2.0.0", PluginCompiler.Answering("two"), m => m["isolation"] = "stable"), Update: true));

        await host.RunAsync(new PluginCommand.Disable("hello"));
        var status = await host.RunAsync(new PluginCommand.Enable("hello"));

        Assert.Equal(("2.0.0", null), (status.Version, status.Pending));
        Assert.Equal("two", await host.CallAsync("hello"));
    }

    [Fact]
    public async Task The_log_of_a_start_has_one_line_a_plugin_at_Information_after_what_was_found()
    {
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("one"));

        await host.StartAsync();

        Assert.Equal(["plugins.discovered 1; 1 of them are enabled and whole", "Plugin hello 1.0.0 generation 1: Active"], host.Log.LinesAt(Microsoft.Extensions.Logging.LogLevel.Information));
    }
}
