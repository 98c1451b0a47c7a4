namespace Nexus.Bench;

/// <summary>What it costs that an endpoint lives in a plugin.</summary>
internal static class DispatchBench
{
    private const int Clients = 16;

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var request = Load.Get("/api/custom/greeter/hello/Ada");
        await using var bare = await Child.SelfAsync("serve-bare");
        var baseline = new Load(bare.Port);
        var bars = new List<Bar>();
        foreach (var (isolation, limit) in new[] { ("stable", 0.95), ("hot", 0.88) })
        {
            var plugins = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
            Benches.CopyGreeter(Path.Combine(plugins, "greeter"), manifest => manifest["isolation"] = isolation);
            await using var host = await Child.HostAsync(plugins, "--server:accessLog=false");
            var load = new Load(host.Port);
            var (_, bareRate, ratio) = await Benches.InTurnsAsync(time => load.RunAsync(Clients, time, _ => request), time => baseline.RunAsync(Clients, time, _ => request));
            bars.Add(new($"{isolation} plugin endpoint, whole pipeline, over bare minimal API", ratio, "×", limit, Baseline: bareRate));
            Directory.Delete(plugins, recursive: true);
        }

        return bars;
    }
}
