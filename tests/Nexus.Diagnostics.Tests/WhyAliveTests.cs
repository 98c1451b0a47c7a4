using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Nexus.Diagnostics.Tests;

/// <summary>Each case is a process that leaks in one way, and the tool as its own process that looks into it.</summary>
public sealed class WhyAliveTests
{
    [Theory]
    [InlineData("StaticEvent", "static-event", "Nexus.Leaks.HostSide.Changed of Nexus.Leaks")]
    [InlineData("RunningTimer", "timer", "Leak+Thing")]
    [InlineData("RunningThread", "thread", "Nexus.Leaks.Leak")]
    [InlineData("EndlessTask", "endless-task", "LoopAsync")]
    [InlineData("ThreadLocalValue", "thread-local", "Leak+Thing")]
    [InlineData("CapturedAsyncLocal", "async-local", "Leak+Thing")]
    [InlineData("UndisposedMeter", "meter", "Leak+Thing")]
    [InlineData("UndisposedActivityListener", "activity", "Leak+Thing")]
    [InlineData("ProcessExit", "static-event", "System.AppDomain.s_domain of System.Private.CoreLib")]
    [InlineData("TokenRegistration", "token-registration", "Leak+Thing")]
    [InlineData("AllocatedHandle", "gc-handle", "Leak+Thing")]
    [InlineData("HostCache", "static-field", "Nexus.Leaks.HostSide.<Cache>k__BackingField of Nexus.Leaks")]
    [InlineData("TypeDescription", "type-description", "ThingAttribute")]
    [InlineData("WeakTable", "conditional-weak-table", "Leak+Thing")]
    [InlineData("ContractStatic", "static-field", "Nexus.Leaks.HostSide.<Contract>k__BackingField of Nexus.Leaks")]
    [InlineData("NativeCallback", "gc-handle", "Leak+Thing.Touch")]
    [InlineData("RegisteredWait", "registered-wait", "Leak+Thing")]
    public async Task Each_way_to_leak_is_named(string leak, string cause, string text)
    {
        var (state, report) = await LookAtAsync(leak, "leaky");

        Assert.Equal("alive", state);
        Assert.Equal("leaky#1", report.GetProperty("contexts")[0].GetString());
        var first = report.GetProperty("holds")[0];
        Assert.True(cause == first.GetProperty("cause").GetString() && first.ToString().Contains(text, StringComparison.Ordinal), report.ToString());
        Assert.NotEmpty(first.GetProperty("remedy").GetString()!);
    }

    [Theory]
    [InlineData("None")]
    [InlineData("FileWatcher")] // the runtime's watching thread holds it weakly
    public async Task A_context_that_left_is_not_found(string leak)
    {
        var (state, report) = await LookAtAsync(leak, "leaky");

        Assert.Equal("gone", state);
        Assert.Equal(0, report.GetProperty("contexts").GetArrayLength());
        Assert.Equal(0, report.GetProperty("holds").GetArrayLength());
    }

    [Theory]
    [InlineData("leaky#1", "", 1)]
    [InlineData("leaky#2", "", 0)]
    [InlineData("leak", "", 0)]
    [InlineData("leaky", "1", 0)]
    public async Task Names_select_contexts(string name, string except, int count)
    {
        var (_, report) = await LookAtAsync("HostCache", name, except);

        Assert.Equal(count, report.GetProperty("contexts").GetArrayLength());
    }

    private static async Task<(string State, JsonElement Report)> LookAtAsync(string leak, string name, string except = "")
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        using var leaky = Start("Nexus.Leaks.dll", leak);
        try
        {
            var state = await leaky.StandardOutput.ReadLineAsync(limit.Token);
            using var tool = Start("Nexus.Diagnostics.dll", [leaky.Id.ToString(CultureInfo.InvariantCulture), name, .. except.Length > 0 ? (string[])["--except", except] : []]);
            var output = await tool.StandardOutput.ReadToEndAsync(limit.Token);
            await tool.WaitForExitAsync(limit.Token);
            Assert.True(tool.ExitCode == 0, $"exit {tool.ExitCode}: {output} {await tool.StandardError.ReadToEndAsync(limit.Token)}");
            return (state!, JsonSerializer.Deserialize<JsonElement>(output));
        }
        finally
        {
            leaky.StandardInput.Close();
            await leaky.WaitForExitAsync(limit.Token);
        }
    }

    private static Process Start(string program, params string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. arguments])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
