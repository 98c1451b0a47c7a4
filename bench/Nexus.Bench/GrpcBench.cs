using System.Globalization;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Bench;

/// <summary>A record by its id over gRPC and over REST.</summary>
internal static class GrpcBench
{
    private const int Clients = 16;

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var plugins = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        Benches.CopyGreeter(Path.Combine(plugins, "greeter"), _ => { });
        var port = FreePort();
        var bars = new List<Bar>();
        await using (var host = await Child.HostAsync(plugins, "--server:accessLog=false", $"--server:http2Port={port.ToString(CultureInfo.InvariantCulture)}"))
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}") };
            var created = await (await client.PostAsJsonAsync("/api/custom/greeter/notes/", new { text = "A note of the benchmark", number = 1 })).EnsureSuccessStatusCode().Content.ReadAsStringAsync();
            var id = (string)JsonNode.Parse(created)!["id"]!;
            var rest = Load.Get($"/api/custom/greeter/notes/{id}");
            var typed = new GrpcLoad(port, "/nexus.plugins.greeter.Notes/Get", Field(2, id));
            var generic = new GrpcLoad(port, "/nexus.v1.Resources/Get", [.. Field(1, "greeter.notes"), .. Field(2, id)]);
            foreach (var (name, load) in new[] { ("Get by id of the resource's own service over REST's GET", typed), ("Get by id of nexus.v1.Resources over REST's GET", generic) })
            {
                var (_, baseline, ratio) = await Benches.InTurnsAsync(time => load.RunAsync(Clients, time), time => new Load(host.Port).RunAsync(Clients, time, _ => rest));
                bars.Add(new Bar(name, ratio, "×", 0.5, Baseline: baseline));
                bars.Add(new Bar("  processor time of the host a call", await CostAsync(host, time => load.RunAsync(Clients, time)), "µs", Baseline: await CostAsync(host, time => new Load(host.Port).RunAsync(Clients, time, _ => rest))));
            }
        }

        Directory.Delete(plugins, recursive: true);
        return bars;
    }

    private static async Task<double> CostAsync(Child server, Func<TimeSpan, Task<LoadResult>> load)
    {
        var before = server.Cpu;
        var result = await load(TimeSpan.FromSeconds(2));
        return (server.Cpu - before).TotalMicroseconds / result.Done;
    }

    private static byte[] Field(int number, string text) => [(byte)((number << 3) | 2), (byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    private static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
