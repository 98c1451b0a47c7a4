using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>Removing a plugin whose files lie in a plugin folder.</summary>
public sealed class RemovalTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-removal-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_removed_plugin_stays_removed_over_scans_and_restarts_and_the_answer_says_where_its_files_lie()
    {
        var drop = Path.Combine(folder, "drop");
        PluginCompiler.Plugin(Path.Combine(drop, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one"));
        await using (var host = await StartAsync(drop))
        {
            var answer = await host.RunAsync(new PluginCommand.Remove("hello"));
            await host.RunAsync(new PluginCommand.Discover());

            Assert.Empty(host.Kernel.List());
            Assert.Equal($"Its files still lie in {Path.Combine(drop, "hello")}. hello stays removed until they change or it is installed again; delete them if it is not wanted any more.", answer.Warning);
        }

        await using var next = await StartAsync(drop);

        Assert.Empty(next.Kernel.List());
    }

    [Fact]
    public async Task A_removed_plugin_comes_back_when_its_files_change()
    {
        var drop = Path.Combine(folder, "drop");
        PluginCompiler.Plugin(Path.Combine(drop, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one"));
        await using var host = await StartAsync(drop, follow: true);
        await host.RunAsync(new PluginCommand.Remove("hello"));

        PluginCompiler.Plugin(Path.Combine(drop, "hello"), "hello", "1.0.1", PluginCompiler.Answering("two"));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (host.Kernel.Current.Find("hello") is null)
        {
            await Task.Delay(20, limit.Token);
        }

        Assert.Equal("two", await host.CallAsync("hello"));
    }

    [Fact]
    public async Task A_removed_plugin_comes_back_when_it_is_installed_again_and_then_outlives_a_restart()
    {
        var drop = Path.Combine(folder, "drop");
        PluginCompiler.Plugin(Path.Combine(drop, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one"));
        await using (var host = await StartAsync(drop))
        {
            await host.RunAsync(new PluginCommand.Remove("hello"));
            await host.RunAsync(new PluginCommand.Install(Path.Combine(drop, "hello")));
        }

        await using var next = await StartAsync(drop);

        Assert.Equal("one", await next.CallAsync("hello"));
    }

    [Fact]
    public async Task Files_that_went_away_and_came_back_count_as_dropped_anew()
    {
        var drop = Path.Combine(folder, "drop");
        PluginCompiler.Plugin(Path.Combine(drop, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one"));
        await using var host = await StartAsync(drop);
        await host.RunAsync(new PluginCommand.Remove("hello"));

        Directory.Move(Path.Combine(drop, "hello"), Path.Combine(folder, "away"));
        await host.RunAsync(new PluginCommand.Discover());
        Directory.Move(Path.Combine(folder, "away"), Path.Combine(drop, "hello"));
        await host.RunAsync(new PluginCommand.Discover());

        Assert.Equal(PluginState.Discovered, host.Status("hello").State);
    }

    private Task<KernelHost> StartAsync(string drop, bool follow = false) => NodeHost.StartAsync(folder, options =>
    {
        options.Directories.Clear();
        options.Directories.Add(drop);
        options.HotReload = follow;
        options.ScanInterval = TimeSpan.FromMilliseconds(100);
    });
}
