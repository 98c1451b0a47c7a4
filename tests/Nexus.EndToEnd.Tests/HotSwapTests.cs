using System.Collections.Concurrent;
using System.Diagnostics;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>What callers see of a swap, and what the process keeps of many.</summary>
public sealed class HotSwapTests
{
    [Fact]
    public async Task A_new_version_under_200_requests_a_second_fails_none_and_who_comes_after_its_first_answer_gets_no_old_one()
    {
        await using var host = await RunningHost.StartAsync();
        PluginCompiler.Plugin(Path.Combine(host.Folder, "v1"), "shop", "1.0.0", PluginCompiler.Answering("one"));
        PluginCompiler.Plugin(Path.Combine(host.Folder, "v2"), "shop", "2.0.0", PluginCompiler.Answering("two"));
        await host.PostAsync("/api/v1/plugins", new { path = Path.Combine(host.Folder, "v1") });
        var answers = new ConcurrentQueue<(long Sent, long Received, string Text)>();
        var enough = new TaskCompletionSource();
        using var stop = new CancellationTokenSource();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        var load = Task.Run(async () =>
        {
            var running = new List<Task>();
            while (!stop.IsCancellationRequested && await timer.WaitForNextTickAsync(CancellationToken.None))
            {
                running.Add(AskAsync());
                if (running.Count == 100) enough.SetResult();
            }

            await Task.WhenAll(running);
        });

        await enough.Task;
        await host.PostAsync("/api/v1/plugins", new { path = Path.Combine(host.Folder, "v2"), update = true });
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(60) && answers.Count(a => a.Text == "two") < 100;) await Task.Delay(20);
        await stop.CancelAsync();
        await load;

        Assert.Equal(["one", "two"], answers.Select(a => a.Text).Distinct().Order());
        var flip = answers.Where(a => a.Text == "two").Min(a => a.Received);
        Assert.DoesNotContain(answers, a => a.Text == "one" && a.Sent > flip);

        async Task AskAsync()
        {
            var sent = Stopwatch.GetTimestamp();
            using var answer = await host.Client.GetAsync("/api/custom/shop/");
            var text = await answer.Content.ReadAsStringAsync();
            answers.Enqueue((sent, Stopwatch.GetTimestamp(), answer.IsSuccessStatusCode ? text : $"{(int)answer.StatusCode} {text}"));
        }
    }

    [Fact]
    public async Task A_hundred_times_out_and_in_again_leaves_the_process_its_size_and_no_old_code()
    {
        await using var host = await RunningHost.StartAsync([], ["--plugins:unloadLimit=40s"]);
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, "v1"), "shop", "1.0.0", PluginCompiler.Answering("one"));
        await host.PostAsync("/api/v1/plugins", new { path = folder });
        // Until the host's own code is compiled as well as it will be; then the least of a few looks, as it is after.
        await CycleAsync(150);
        var before = Size();
        for (var i = 0; i < 30; i++)
        {
            await Task.Delay(100);
            before = Math.Min(before, Size());
        }

        await CycleAsync(100);

        // What was loaded last is given back by a collection of its own, a little later.
        var after = Size();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(60) && after > before * 1.1;)
        {
            await Task.Delay(100);
            after = Size();
        }

        Assert.True(after <= before * 1.1, $"{before / 1048576.0:0.0} MB before, {after / 1048576.0:0.0} MB after");
        Assert.Equal("one", await host.Client.GetStringAsync("/api/custom/shop/"));

        async Task CycleAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                var stopped = await host.PostAsync("/api/v1/plugins/shop/disable");
                Assert.Equal("Stopped", (string?)stopped["state"]);
                if ((int?)stopped["generationsAlive"] is > 0)
                    Assert.Fail($"an old generation is held: {await host.GetAsync("/api/v1/plugins/shop/why-alive")}");
                await host.PostAsync("/api/v1/plugins/shop/enable");
                await host.Client.GetStringAsync("/api/custom/shop/");
            }
        }

        long Size()
        {
            using var process = Process.GetProcessById(host.Pid);
            return process.WorkingSet64;
        }
    }
}
