using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Nexus.Bench;

/// <summary>What 100 small plugins cost at start.</summary>
internal static class StartBench
{
    private const int Plugins = 100;

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var none = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        var bars = new List<Bar>();
        foreach (var (isolation, limit) in new[] { ("stable", 1.5), ("hot", 4.0) })
        {
            var folder = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
            for (var n = 0; n < Plugins; n++)
                Benches.CopyGreeter(Path.Combine(folder, $"greeter{n:00}"), manifest => { manifest["name"] = $"greeter{n:00}"; manifest["isolation"] = isolation; });
            var costs = new List<(double Cpu, double Memory, double Idle)>();
            for (var round = 0; round < 3; round++)
            {
                var (idleCpu, idleMemory) = await MeasureAsync(none, 0);
                var (cpu, memory) = await MeasureAsync(folder, Plugins);
                costs.Add((cpu - idleCpu, (memory - idleMemory) / Plugins / 1024, idleCpu));
            }

            bars.Add(new($"100 {isolation} plugins active", Benches.Median(costs.Select(c => c.Cpu)), "s CPU", limit, AtLeast: false, Baseline: Benches.Median(costs.Select(c => c.Idle))));
            bars.Add(new($"memory a {isolation} plugin", Benches.Median(costs.Select(c => c.Memory)), "KB"));
            Directory.Delete(folder, recursive: true);
        }

        Directory.Delete(none);
        return bars;
    }

    private static async Task<(double Cpu, double Memory)> MeasureAsync(string plugins, int expected)
    {
        await using var host = await Child.HostAsync(plugins);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}") };
        var cpu = host.Cpu.TotalSeconds;
        var list = await client.GetFromJsonAsync<JsonNode>("/api/v1/plugins");
        var rows = list as JsonArray ?? list!.AsObject().Select(p => p.Value).OfType<JsonArray>().First();
        var active = rows.Count(p => ((string?)p!["id"])!.StartsWith("greeter", StringComparison.Ordinal) && string.Equals((string?)p["state"], "active", StringComparison.OrdinalIgnoreCase));
        return active == expected ? (cpu, host.Memory) : throw new InvalidOperationException($"{active} of {expected} plugins are active: {rows.Select(r => (string?)r!["cause"]).FirstOrDefault(c => c is not null)}");
    }
}
