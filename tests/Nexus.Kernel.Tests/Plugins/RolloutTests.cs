using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>A new version for a part of the callers.</summary>
public sealed class RolloutTests
{
    [Fact]
    public async Task About_one_in_ten_callers_reaches_the_new_version_and_each_stays_with_its_own()
    {
        await using var host = await StartAsync();

        var status = await host.RunAsync(new PluginCommand.Rollout("hello", 10, host.Version("hello", "2.0.0", PluginCompiler.Answering("two"))));
        var first = await AnswersAsync(host);
        var again = await AnswersAsync(host);

        Assert.Equal(("1.0.0", new PluginRollout("2.0.0", 2, 10)), (status.Version, status.Rollout));
        Assert.InRange(first.Count(a => a == "two"), 60, 140);
        Assert.Equal(first, again);
    }

    [Fact]
    public async Task Whoever_reached_the_new_version_still_does_when_its_share_grows()
    {
        await using var host = await StartAsync();
        await host.RunAsync(new PluginCommand.Rollout("hello", 10, host.Version("hello", "2.0.0", PluginCompiler.Answering("two"))));
        var narrow = await AnswersAsync(host);

        await host.RunAsync(new PluginCommand.Rollout("hello", 50));
        var wide = await AnswersAsync(host);

        Assert.InRange(wide.Count(a => a == "two"), 420, 580);
        Assert.All(narrow.Index().Where(a => a.Item == "two"), a => Assert.Equal("two", wide[a.Index]));
    }

    [Fact]
    public async Task Promotion_serves_all_remembers_the_version_and_frees_the_old_one()
    {
        await using var host = await StartAsync();
        await host.RunAsync(new PluginCommand.Rollout("hello", 10, host.Version("hello", "2.0.0", PluginCompiler.Answering("two"))));

        var status = await host.RunAsync(new PluginCommand.Rollout("hello", 100));
        await host.Kernel.RetiredAsync("hello");

        Assert.Equal(("2.0.0", null), (status.Version, status.Rollout));
        Assert.All(await AnswersAsync(host), a => Assert.Equal("two", a));
        Assert.Equal(0, host.Status("hello").GenerationsAlive);
        Assert.Equal("2.0.0", (await host.Packages.Records.ReadAsync("hello", TestContext.Current.CancellationToken))!.Version);
    }

    [Fact]
    public async Task An_abort_serves_the_old_version_to_all_and_frees_the_new_one()
    {
        await using var host = await StartAsync();
        await host.RunAsync(new PluginCommand.Rollout("hello", 90, host.Version("hello", "2.0.0", PluginCompiler.Answering("two"))));

        var status = await host.RunAsync(new PluginCommand.Rollout("hello", 0));
        await host.Kernel.RetiredAsync("hello");

        Assert.Null(status.Rollout);
        Assert.All(await AnswersAsync(host), a => Assert.Equal("one", a));
        Assert.Equal((0, "1.0.0"), (host.Status("hello").GenerationsAlive, host.Status("hello").Version));
    }

    [Fact]
    public async Task No_call_fails_while_a_rollout_begins_widens_and_ends_under_load()
    {
        await using var host = await StartAsync();
        using var stop = new CancellationTokenSource();
        var calls = 0;
        var load = Task.Run(async () =>
        {
            for (; !stop.IsCancellationRequested; Interlocked.Increment(ref calls))
            {
                Assert.Contains(await CallAsync(host, calls % 100), (string[])["one", "two"]);
            }
        });

        for (var round = 2; round < 6; round++)
        {
            await host.RunAsync(new PluginCommand.Rollout("hello", 30, host.Version("hello", $"{round}.0.0", PluginCompiler.Answering("two", members: $"private const int Round = {round};"))));
            await host.RunAsync(new PluginCommand.Rollout("hello", 60));
            await Events.EventHost.Until(() => Volatile.Read(ref calls) > 25 * round || load.IsCompleted);
            await host.RunAsync(new PluginCommand.Rollout("hello", round % 2 == 0 ? 0 : 100));
        }

        await stop.CancelAsync();

        await load;
        Assert.True(calls > 100, $"{calls} calls");
        await host.Kernel.RetiredAsync("hello");
        Assert.Equal(0, host.Status("hello").GenerationsAlive);
    }

    [Fact]
    public async Task A_version_that_falls_ill_while_it_is_rolled_out_is_aborted_by_itself()
    {
        await using var host = await StartAsync();
        var ill = PluginCompiler.Answering("two", interfaces: ", ICheckHealth", members: "private int asked; public Task<PluginHealth> CheckHealthAsync(IServiceProvider s, CancellationToken t) => Task.FromResult(asked++ == 0 ? PluginHealth.Healthy : new PluginHealth(HealthLevel.Unhealthy, \"gone\"));");

        await host.RunAsync(new PluginCommand.Rollout("hello", 50, host.Version("hello", "2.0.0", ill)));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (host.Status("hello").Rollout is not null)
        {
            await Task.Delay(20, limit.Token);
        }

        Assert.All(await AnswersAsync(host), a => Assert.Equal("one", a));
        using var told = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (host.Status("hello").Cause is null)
        {
            await Task.Delay(20, told.Token);
        }

        Assert.Equal("hello 2.0.0 was not healthy while it was rolled out (gone); 1.0.0 serves all callers again.", host.Status("hello").Cause);
    }

    [Fact]
    public async Task A_version_that_does_not_come_up_reaches_nobody_and_other_commands_wait_for_the_end()
    {
        await using var host = await StartAsync();
        var broken = host.Version("hello", "2.0.0", "public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => throw new InvalidOperationException(\"no\"); }");
        var good = host.Version("hello", "3.0.0", PluginCompiler.Answering("three"));

        var error = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Rollout("hello", 10, broken)));
        var none = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Rollout("hello", 100)));
        await host.RunAsync(new PluginCommand.Rollout("hello", 10, good));
        var busy = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(good, Update: true)));

        Assert.Equal(("PLUGIN_LOAD_FAILED", "CONFLICT", "CONFLICT"), (error.Code, none.Code, busy.Code));
        await host.RunAsync(new PluginCommand.Disable("hello"));
        await host.Kernel.RetiredAsync("hello");
        Assert.Equal((PluginState.Stopped, 0, null), (host.Status("hello").State, host.Status("hello").GenerationsAlive, host.Status("hello").Rollout));
    }

    [Fact]
    public async Task Routes_of_one_version_only_are_answered_to_its_callers()
    {
        await using var host = await StartAsync();
        await host.RunAsync(new PluginCommand.Rollout("hello", 50, host.Version("hello", "2.0.0", PluginCompiler.Answering("two", more: "plugin.MapEndpoints(r => r.MapGet(\"/more\", () => \"more\"));"))));
        var answers = await AnswersAsync(host);
        var (old, newer) = (answers.ToList().IndexOf("one"), answers.ToList().IndexOf("two"));

        Assert.Equal("more", await CallAsync(host, newer, "/more"));
        Assert.Equal("ROUTE_NOT_FOUND", (await Assert.ThrowsAsync<NexusException>(() => CallAsync(host, old, "/more"))).Code);
    }

    [Fact]
    public async Task A_rollout_goes_on_after_a_restart_with_the_same_callers_until_it_is_promoted()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-rollout-").FullName;
        string[] before;
        await using (var first = await NodeHost.StartAsync(folder))
        {
            await first.RunAsync(new PluginCommand.Install(first.Version("hello", "1.0.0", PluginCompiler.Answering("one"))));
            await first.RunAsync(new PluginCommand.Rollout("hello", 10, first.Version("hello", "2.0.0", PluginCompiler.Answering("two"))));
            await first.RunAsync(new PluginCommand.Rollout("hello", 30));
            before = await AnswersAsync(first);
        }

        await using (var second = await NodeHost.StartAsync(folder))
        {
            Assert.Equal(("1.0.0", "2.0.0", 30.0), (second.Status("hello").Version, second.Status("hello").Rollout?.Version, second.Status("hello").Rollout?.Percent));
            Assert.Equal(before, await AnswersAsync(second));
            await second.RunAsync(new PluginCommand.Rollout("hello", 100));
        }

        await using (var third = await NodeHost.StartAsync(folder))
        {
            Assert.Equal(("2.0.0", null), (third.Status("hello").Version, third.Status("hello").Rollout));
            Assert.All(await AnswersAsync(third), a => Assert.Equal("two", a));
        }

        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("abort")]
    [InlineData("disable")]
    public async Task A_rollout_that_was_ended_does_not_come_back_with_a_restart(string how)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-rollout-").FullName;
        await using (var first = await NodeHost.StartAsync(folder))
        {
            await first.RunAsync(new PluginCommand.Install(first.Version("hello", "1.0.0", PluginCompiler.Answering("one"))));
            await first.RunAsync(new PluginCommand.Rollout("hello", 90, first.Version("hello", "2.0.0", PluginCompiler.Answering("two"))));
            await first.RunAsync(how == "abort" ? new PluginCommand.Rollout("hello", 0) : new PluginCommand.Disable("hello"));
        }

        await using (var second = await NodeHost.StartAsync(folder))
        {
            await second.RunAsync(new PluginCommand.Enable("hello"));

            Assert.Null(second.Status("hello").Rollout);
            Assert.All(await AnswersAsync(second), a => Assert.Equal("one", a));
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_rollout_whose_version_does_not_come_up_after_a_restart_is_over_and_says_why()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-rollout-").FullName;
        var moody = PluginCompiler.Answering("two", interfaces: ", IStart", members: $"public Task StartAsync(IServiceProvider s, CancellationToken t) => System.IO.File.Exists(@\"{folder}/sulk\") ? throw new InvalidOperationException(\"sulking\") : Task.CompletedTask;");
        await using (var first = await NodeHost.StartAsync(folder))
        {
            await first.RunAsync(new PluginCommand.Install(first.Version("hello", "1.0.0", PluginCompiler.Answering("one"))));
            await first.RunAsync(new PluginCommand.Rollout("hello", 90, first.Version("hello", "2.0.0", moody)));
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "sulk"), "", TestContext.Current.CancellationToken);
        await using (var second = await NodeHost.StartAsync(folder))
        {
            Assert.Equal(("1.0.0", PluginState.Active, null), (second.Status("hello").Version, second.Status("hello").State, second.Status("hello").Rollout));
            Assert.Contains("sulking", second.Status("hello").Cause, StringComparison.Ordinal);
            Assert.All(await AnswersAsync(second), a => Assert.Equal("one", a));
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task<KernelHost> StartAsync()
    {
        var host = new KernelHost(o => o.HealthInterval = TimeSpan.FromMilliseconds(50));
        host.Add("hello", PluginCompiler.Answering("one"));
        await host.StartAsync();
        return host;
    }

    private static async Task<string[]> AnswersAsync(KernelHost host)
    {
        var answers = new string[1000];
        for (var user = 0; user < answers.Length; user++)
        {
            answers[user] = await CallAsync(host, user);
        }

        return answers;
    }

    private static async Task<string> CallAsync(KernelHost host, int user, string pattern = "/")
    {
        CallContext.Current = new CallContext(new Caller($"user-{user}", "A user", [], []), CallContext.DefaultTenant, "test");
        return await host.CallAsync("hello", pattern: pattern);
    }
}
