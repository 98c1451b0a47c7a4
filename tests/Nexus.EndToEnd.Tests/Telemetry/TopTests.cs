using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Telemetry;

/// <summary><c>nexus top</c> against a host with load.</summary>
public sealed class TopTests
{
    private const string Failing = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes =>
            {
                routes.MapGet("/ok", () => "ok");
                routes.MapGet("/bad", string () => throw new InvalidOperationException("bad"));
            });
        }
        """;

    [Fact]
    public async Task The_busiest_plugin_stands_first_with_its_rate_its_errors_and_its_latency()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-top-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "failing"), "failing", "1.0.0", Failing);
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"), plugin);
        using var ending = new CancellationTokenSource();
        var load = LoadAsync(host, ending.Token);

        var json = JsonNode.Parse((await Programs.CliAsync(host, "top", "--json", "--interval", "5")).Output)!;
        var (code, text, _) = await Programs.CliAsync(host, "top", "--once", "--interval", "0.5", "--sort", "id");
        await ending.CancelAsync();
        await load;

        var busy = json["plugins"]![0]!;
        Assert.Equal(("failing", "1.0.0", "Active"), ((string)busy["id"]!, (string)busy["version"]!, (string)busy["state"]!));
        Assert.InRange((double)busy["errorsPerSecond"]!, 0.1, (double)busy["requestsPerSecond"]! * 0.9);
        Assert.InRange((double)busy["p95Seconds"]!, 0.00001, 10);
        Assert.Equal(0, (double)json["plugins"]!.AsArray().Single(p => (string)p!["id"]! == "orders")!["requestsPerSecond"]!);
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(0, code);
        Assert.Contains("req/s · processor", lines[0], StringComparison.Ordinal);
        Assert.Equal("PLUGIN\tVERSION\tSTATE\tHEALTH\tREQ/S\tERR/S\tP95\tIN FLIGHT\tREQUESTS\tMEMORY", lines[1]);
        Assert.Equal(["failing", "orders"], lines[2..].Select(l => l.Split('\t')[0]).Where(id => !id.Contains('.', StringComparison.Ordinal)));
        Directory.Delete(folder, recursive: true);
    }

    private static async Task LoadAsync(RunningHost host, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            using (await host.Client.GetAsync("/api/custom/failing/ok", CancellationToken.None)) { }
            using (await host.Client.GetAsync("/api/custom/failing/bad", CancellationToken.None)) { }
            await Task.Delay(20, CancellationToken.None);
        }
    }
}
