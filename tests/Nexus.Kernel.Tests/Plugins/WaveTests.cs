using Microsoft.Extensions.DependencyInjection;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

/// <summary>Plugins that come up together, while other nodes bring up the same ones.</summary>
public sealed class WaveTests
{
    private static readonly string[] Names = ["alpha", "beta", "gamma"];

    [Fact]
    public async Task Nodes_that_start_at_the_same_time_take_the_changes_of_a_wave_in_one_order()
    {
        var schema = new SharedSchema();
        // Each node is slow with another plugin: without an order, each would hold what the other one waits for.
        await using var first = Node(schema, slow: "alpha", TimeSpan.FromSeconds(30));
        await using var second = Node(schema, slow: "gamma", TimeSpan.FromSeconds(30));

        await Task.WhenAll(first.StartAsync(), second.StartAsync());

        foreach (var host in new[] { first, second })
            Assert.All(Names, n => Assert.Equal((n, PluginState.Active, (string?)null), (n, host.Status(n).State, host.Status(n).Cause)));
    }

    [Fact]
    public async Task Waiting_for_a_neighbour_that_hangs_costs_nobody_his_own_time()
    {
        await using var host = Node(new SharedSchema(), slow: "alpha", TimeSpan.FromSeconds(3), "System.Threading.Tasks.Task.Delay(-1).Wait();");

        await host.StartAsync();

        Assert.Equal((PluginState.Failed, PluginState.Active, PluginState.Active), (host.Status("alpha").State, host.Status("beta").State, host.Status("gamma").State));
        Assert.Contains("alpha 1.0.0 did not come up in time", host.Status("alpha").Cause, StringComparison.Ordinal);
    }

    private static KernelHost Node(SharedSchema schema, string slow, TimeSpan limit, string work = "System.Threading.Tasks.Task.Delay(500).Wait();")
    {
        var host = new KernelHost(o => o.StartTimeout = limit, s => s.AddSingleton<ISchemaChanges>(schema));
        foreach (var name in Names)
        {
            var folder = host.Add(name, PluginCompiler.Answering(name, $"plugin.AddMigrations(\".\"); {(name == slow ? work : "")}"));
            File.WriteAllText(Path.Combine(folder, "0001_first.sql"), "CREATE TABLE one (id)");
        }

        return host;
    }

    /// <summary>What all nodes share: of each plugin one change at a time, from its begin until it is committed or undone.</summary>
    private sealed class SharedSchema : ISchemaChanges
    {
        private readonly Dictionary<string, SemaphoreSlim> gates = Names.ToDictionary(n => n, _ => new SemaphoreSlim(1, 1));

        public async ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken)
        {
            await gates[request.Plugin].WaitAsync(cancellationToken);
            return new Change(gates[request.Plugin]);
        }

        public ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => ValueTask.FromResult(0L);

        private sealed class Change(SemaphoreSlim gate) : ISchemaChange
        {
            private int ended;

            public ISqlDatabase Database => throw new NotSupportedException();

            public ValueTask CommitAsync(CancellationToken cancellationToken) => DisposeAsync();

            public ValueTask DisposeAsync()
            {
                if (Interlocked.Exchange(ref ended, 1) == 0) gate.Release();
                return ValueTask.CompletedTask;
            }
        }
    }
}
