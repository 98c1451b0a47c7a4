using System.Runtime.Loader;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>Contract assemblies between two plugins. Each test has a contract of its own name, as contexts are counted in the whole process.</summary>
public sealed class ContractSharingTests
{
    [Fact]
    public async Task Two_plugins_with_the_same_contract_share_one_copy_and_it_is_freed_with_the_last()
    {
        await using var host = new KernelHost();
        var contract = Contract(host, "Freed.Contracts", "public sealed record Word(string Text);");
        host.Add("first", Using("first"), references: contract);
        host.Add("second", Using("second"), references: contract);
        await host.StartAsync();
        var loaded = Copies("Freed.Contracts");
        var sameType = await host.CallAsync("first") == await host.CallAsync("second");

        await host.RunAsync(new PluginCommand.Disable("first"));
        var withOne = Copies("Freed.Contracts");
        var second = await host.CallAsync("second");
        await host.RunAsync(new PluginCommand.Disable("second"));
        await LeftAsync("Freed.Contracts");

        Assert.Equal((1, true, 1), (loaded, sameType, withOne));
        Assert.NotEqual("", second);
        Assert.Equal(0, host.Status("first").GenerationsAlive + host.Status("second").GenerationsAlive);
    }

    [Fact]
    public async Task A_swap_of_one_side_keeps_the_copy_that_the_other_uses_and_frees_the_old_generation()
    {
        await using var host = new KernelHost();
        var contract = Contract(host, "Swapped.Contracts", "public sealed record Word(string Text);");
        host.Add("first", Using("first"), references: contract);
        host.Add("second", Using("second"), references: contract);
        await host.StartAsync();
        var before = await host.CallAsync("second");

        for (var version = 2; version < 6; version++)
        {
            await host.RunAsync(new PluginCommand.Install(host.Version("first", $"{version}.0.0", Using("first") + $"/* {version} */", references: contract), Update: true));
        }

        await host.Kernel.RetiredAsync("first");

        Assert.Equal(0, host.Status("first").GenerationsAlive);
        Assert.Equal(1, Copies("Swapped.Contracts"));
        Assert.Equal(before, await host.CallAsync("second"));
        Assert.Equal(before, await host.CallAsync("first"));
    }

    [Fact]
    public async Task Two_versions_of_a_contract_live_side_by_side_each_with_the_plugin_that_brings_it()
    {
        await using var host = new KernelHost();
        host.Add("first", Using("first"), references: Contract(host, "Versions.Contracts", "public sealed record Word(string Text);", "1.0.0"));
        host.Add("second", Using("second"), references: Contract(host, "Versions.Contracts", "public sealed record Word(string Text, int More = 0);", "2.0.0"));

        await host.StartAsync();

        Assert.Equal(2, Copies("Versions.Contracts"));
        Assert.NotEqual(await host.CallAsync("first"), await host.CallAsync("second"));
        await host.RunAsync(new PluginCommand.Disable("first"));
        await host.RunAsync(new PluginCommand.Disable("second"));
        await LeftAsync("Versions.Contracts");
    }

    /// <summary>Answers the identity of the contract's type: equal texts mean one copy.</summary>
    private static string Using(string who) => $$"""
        using Words;
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(r => r.MapGet("/", () => new Word("{{who}}").GetType().TypeHandle.Value.ToString()));
        }
        """;

    private static string Contract(KernelHost host, string name, string source, string version = "1.0.0") =>
        PluginCompiler.Compile(Path.Combine(host.Folder, "contracts", version), name, $"""
            [assembly: ContractAssembly]
            [assembly: System.Reflection.AssemblyVersion("{version}")]
            namespace Words;
            {source}
            """);

    private static int Copies(string contract) => AssemblyLoadContext.All.Count(c => c.Name?.StartsWith("contract " + contract, StringComparison.Ordinal) == true);

    private static async Task LeftAsync(string contract)
    {
        for (var round = 0; Copies(contract) > 0; round++)
        {
            Assert.True(round < 200, $"{contract} is still in memory");
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
