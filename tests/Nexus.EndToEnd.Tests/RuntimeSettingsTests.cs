namespace Nexus.EndToEnd.Tests;

public sealed class RuntimeSettingsTests
{
    [Fact]
    public async Task How_memory_is_kept_is_decided_by_the_runtimes_variables_and_shown_by_the_node()
    {
        await using var host = await RunningHost.StartAsync([], [], new Dictionary<string, string> { ["DOTNET_gcServer"] = "1", ["DOTNET_GCHeapHardLimit"] = "0x30000000" });

        var runtime = (await host.GetAsync("/api/v1/status"))["runtime"]!;

        // The runtime gives a machine of one processor one heap whatever it was told.
        Assert.Equal((Environment.ProcessorCount > 1 ? "server" : "workstation", 0x30000000L), ((string)runtime["gc"]!, (long)runtime["limitBytes"]!));
        Assert.InRange((long)runtime["heapBytes"]!, 1, 0x30000000L);
    }
}
