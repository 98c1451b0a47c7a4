using System.Diagnostics;
using System.Globalization;
using Nexus.Kernel.Plugins.Faults;
using Nexus.Kernel.Tests.Events;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Plugins.Faults;

/// <summary>Each case is a real process, since an unhandled exception ends one.</summary>
public sealed class CrashContainmentTests
{
    [Theory]
    [InlineData("ThreadFault")]
    [InlineData("AsyncVoid")]
    [InlineData("PoolItem")]
    [InlineData("UnsafePoolItem")]
    [InlineData("TimerCallback")]
    [InlineData("FrameworkFrameOnTop")]
    [InlineData("OwnException")]
    [InlineData("CancelledTokenCallback")]
    public async Task An_exception_that_escapes_from_a_plugin_leaves_the_process_alive(string fault)
    {
        var (exit, output) = await RunAsync(fault, 1);

        Assert.Equal((0, "survived"), (exit, output));
    }

    [Theory]
    [InlineData("ThreadFault")]
    [InlineData("AsyncVoid")]
    [InlineData("PoolItem")]
    public async Task A_crash_loop_is_cut_by_quarantine_with_its_cause(string fault)
    {
        var (exit, output) = await RunAsync(fault, 5);

        Assert.Equal(0, exit);
        Assert.Equal("quarantine crashy: 5 unhandled exceptions within 00:01:00; the last: System.InvalidOperationException: escaped\nsurvived", output);
    }

    [Fact]
    public async Task An_exception_of_the_host_itself_ends_the_process()
    {
        var (exit, output) = await RunAsync("ThreadFault", 1, "host");

        Assert.NotEqual(0, exit);
        Assert.Equal("", output);
    }

    [Fact]
    public void Only_faults_within_the_window_count()
    {
        var clock = new FakeClock();
        var counter = new FaultCounter(3, TimeSpan.FromMinutes(1), clock);

        Assert.False(counter.Add("a"));
        clock.Advance(TimeSpan.FromSeconds(61));
        Assert.False(counter.Add("a"));
        Assert.False(counter.Add("b"));
        Assert.False(counter.Add("a"));
        Assert.True(counter.Add("a"));
        Assert.False(counter.Add("a"));
    }

    private static async Task<(int Exit, string Output)> RunAsync(string fault, int times, params string[] more)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Nexus.Crashes.dll"), fault, times.ToString(CultureInfo.InvariantCulture), .. more]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        await errors;
        return (process.ExitCode, output.Trim());
    }
}
