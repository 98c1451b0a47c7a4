using Nexus.Testing;

namespace Nexus.Surface.Tests.Guide;

public sealed class CounterPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin) =>
        plugin.AddTask<CountRequest, Counted>("count", (_, asked, context, _) =>
        {
            context.Report(100, $"Counted to {asked.UpTo}");
            return Task.FromResult(new Counted(asked.UpTo * (asked.UpTo + 1) / 2));
        });
}

public sealed record CountRequest(int UpTo);

public sealed record Counted(int Sum);

public sealed class CounterPluginTests
{
    [Fact]
    public async Task A_count_is_told()
    {
        await using var host = await PluginTestHost.StartAsync<CounterPlugin>();

        var done = await host.RunTaskAsync("count", """{"upTo":4}""");

        Assert.Equal(TaskState.Success, done.State);
        Assert.Equal(10, done.ResultAs<Counted>()!.Sum);
        Assert.Equal("Counted to 4", done.Step);
    }
}
