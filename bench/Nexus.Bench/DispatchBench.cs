namespace Nexus.Bench;

/// <summary>What it costs that an endpoint lives in a plugin.</summary>
internal static class DispatchBench
{
    private const int Clients = 16;

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var request = Load.Get("/api/custom/greeter/hello/Ada");
        await using var bare = await Child.SelfAsync("serve-bare");
        var bars = new List<Bar>();
        foreach (var (isolation, limit) in new[] { ("stable", 0.95), ("hot", 0.88) })
        {
            var plugins = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
            Benches.CopyGreeter(Path.Combine(plugins, "greeter"), manifest => manifest["isolation"] = isolation);
            await using (var dispatch = await Child.DispatchAsync(plugins))
            {
                var (bareRate, ratio, spent) = await CompareAsync(dispatch, bare, request);
                bars.Add(new($"{isolation} plugin endpoint over bare minimal API", ratio, "×", limit, Baseline: bareRate));
                bars.Add(new($"{isolation} plugin endpoint, processor time of the server a request, over bare", spent, "×"));
            }

            await using (var host = await Child.HostAsync(plugins, "--server:accessLog=false"))
            {
                var (bareRate, ratio, spent) = await CompareAsync(host, bare, request);
                bars.Add(new($"{isolation} plugin endpoint, whole pipeline, over bare minimal API", ratio, "×", Baseline: bareRate));
                bars.Add(new($"{isolation} plugin endpoint, whole pipeline, processor time of the server a request, over bare", spent, "×"));
            }

            Directory.Delete(plugins, recursive: true);
        }

        return bars;
    }

    private static async Task<(double Bare, double Ratio, double Spent)> CompareAsync(Child server, Child bare, byte[] request)
    {
        List<double> ofServer = [], ofBare = [];
        var (_, rate, ratio) = await Benches.InTurnsAsync(time => RunAsync(server, time, ofServer), time => RunAsync(bare, time, ofBare));
        return (rate, ratio, Benches.Median(ofServer.Zip(ofBare, (a, b) => a / b).Skip(1)));

        async Task<LoadResult> RunAsync(Child child, TimeSpan time, List<double> spent)
        {
            var before = child.Cpu;
            var result = await new Load(child.Port).RunAsync(Clients, time, _ => request);
            spent.Add((child.Cpu - before).TotalMicroseconds / result.Done);
            return result;
        }
    }
}
