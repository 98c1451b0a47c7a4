using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class ClashTests
{
    [Fact]
    public async Task Two_plugins_that_want_one_prefix_are_both_named_and_the_first_serves()
    {
        await using var host = new KernelHost();
        host.Add("a.hello", PluginCompiler.Answering("a"));
        await host.StartAsync();

        var error = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(host.Version("b.hello", "1.0.0", PluginCompiler.Answering("b")))));

        Assert.Equal("PLUGIN_REGISTRATION_FAILED", error.Code);
        Assert.Equal("The prefix /api/custom/hello of b.hello is taken by a.hello. Rename one of the two.", error.Message);
        Assert.Equal("a", await host.CallAsync("a.hello"));
        Assert.DoesNotContain(host.Kernel.List(), s => s.Id == "b.hello");
    }

    [Fact]
    public async Task An_assembly_without_content_fails_its_plugin_alone()
    {
        await using var host = new KernelHost();
        host.Add("good", PluginCompiler.Answering("good"));
        var folder = host.Add("empty", PluginCompiler.Answering("x"));
        await File.WriteAllBytesAsync(Path.Combine(folder, "Plugin.dll"), [], TestContext.Current.CancellationToken);

        await host.StartAsync();

        Assert.Equal(PluginState.Failed, host.Status("empty").State);
        Assert.Contains("empty 1.0.0", host.Status("empty").Cause, StringComparison.Ordinal);
        Assert.Equal("good", await host.CallAsync("good"));
    }
}
