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
            await using (var dispatch = await Child.DispatchAsync(plugins))
            {
                var (bareRate, ratio) = await CompareAsync(dispatch, baseline, request);
                bars.Add(new($"{isolation} plugin endpoint over bare minimal API", ratio, "×", limit, Baseline: bareRate));
            }

            await using (var host = await Child.HostAsync(plugins, "--server:accessLog=false"))
            {
                var (bareRate, ratio) = await CompareAsync(host, baseline, request);
                bars.Add(new($"{isolation} plugin endpoint, whole pipeline, over bare minimal API", ratio, "×", Baseline: bareRate));
            }

            Directory.Delete(plugins, recursive: true);
        }

        return bars;
    }

    private static async Task<(double Bare, double Ratio)> CompareAsync(Child server, Load baseline, byte[] request)
    {
        var load = new Load(server.Port);
        var (_, bare, ratio) = await Benches.InTurnsAsync(time => load.RunAsync(Clients, time, _ => request), time => baseline.RunAsync(Clients, time, _ => request));
        return (bare, ratio);
    }
}
