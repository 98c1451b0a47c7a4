using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class SwapTests
{
    [Fact]
    public async Task A_plugin_that_nobody_compiled_into_the_host_answers()
    {
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("one"));

        await host.StartAsync();

        Assert.Equal("one", await host.CallAsync("hello"));
        Assert.Equal(PluginState.Active, host.Status("hello").State);
    }

    [Fact]
    public async Task Thirty_swaps_under_load_fail_no_call_and_leave_no_context_alive()
    {
        await using var host = new KernelHost();
        host.Add("hello", PluginCompiler.Answering("0"));
        await host.StartAsync();
        string[] versions = [.. Enumerable.Range(1, 3).Select(i => host.Version("hello", $"1.0.{i}", PluginCompiler.Answering($"{i}")))];
        using var end = new CancellationTokenSource();
        var failed = 0;
        var calls = 0;
        var clients = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                var answer = await host.CallAsync("hello");
                Interlocked.Increment(ref calls);
                if (answer is not ("0" or "1" or "2" or "3"))
                {
                    Interlocked.Increment(ref failed);
                }
            }
        })).ToArray();

        // Other tests hold pool threads on purpose: swaps begin when the callers call.
        await Events.EventHost.Until(() => Volatile.Read(ref calls) >= 100);
        for (var i = 0; i < 30; i++)
        {
            await host.RunAsync(new PluginCommand.Install(versions[i % 3], Update: true, Force: true));
            await Events.EventHost.Until(() => Volatile.Read(ref calls) > 35 * (i + 1) || clients.Any(c => c.IsCompleted));
        }

        await end.CancelAsync();
        await Task.WhenAll(clients);
        await host.Kernel.RetiredAsync("hello");

        Assert.Equal(0, failed);
        Assert.True(calls > 1000, $"{calls} calls");
        Assert.Equal(0, host.Status("hello").GenerationsAlive);
        Assert.Equal(31, host.Status("hello").Generation);
    }
}
