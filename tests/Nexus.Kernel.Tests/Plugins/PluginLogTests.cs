using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class PluginLogTests
{
    private const string Source = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(r => r.MapGet("/", (int count, ILoggerFactory loggers) =>
            {
                var log = loggers.CreateLogger("shop.tills");
                log.LogInformation("opened");
                for (var i = 0; i < count; i++) log.LogWarning(new Broken(i), "till {Till} is empty", i);
                return "ok";
            }));
        }
        public sealed class Broken(int till) : Exception($"nothing in {till}");
        """;

    [Fact]
    public async Task The_lines_of_a_plugin_are_kept_by_number_and_level_and_hold_nothing_of_its_code()
    {
        await using var host = new KernelHost();
        host.Add("shop", Source);
        host.Add("other", Source);
        await host.StartAsync();
        await host.CallAsync("shop", "?count=2");
        var logs = host.Services.GetRequiredService<IPluginLogs>();

        var lines = logs.Read("shop");

        Assert.Equal(["opened", "till 0 is empty", "till 1 is empty"], lines.Select(l => l.Message));
        Assert.All(lines, l => Assert.Equal("shop.tills", l.Category));
        Assert.Contains("nothing in 1", lines[2].Error);
        Assert.Equal(["till 1 is empty"], logs.Read("shop", after: lines[1].Number).Select(l => l.Message));
        Assert.Equal(["till 1 is empty"], logs.Read("shop", limit: 1).Select(l => l.Message));
        Assert.Equal(2, logs.Read("shop", least: LogLevel.Warning).Length);
        Assert.Empty(logs.Read("other"));
        var status = await host.RunAsync(new PluginCommand.Disable("shop"));
        Assert.Equal((PluginState.Stopped, 0), (status.State, status.GenerationsAlive));
        Assert.Equal(3, logs.Read("shop").Length);
    }

    [Fact]
    public async Task Of_many_lines_the_newest_thousand_are_kept()
    {
        await using var host = new KernelHost();
        host.Add("shop", Source);
        await host.StartAsync();
        await host.CallAsync("shop", "?count=1200");

        var lines = host.Services.GetRequiredService<IPluginLogs>().Read("shop", limit: 5000);

        Assert.Equal((1000, "till 200 is empty", "till 1199 is empty"), (lines.Length, lines[0].Message, lines[^1].Message));
    }
}
