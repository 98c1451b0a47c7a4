using System.Text.Json.Nodes;

namespace Nexus.Bench;

/// <summary>The benchmarks by name.</summary>
internal static class Benches
{
    public static IReadOnlyDictionary<string, Func<Task<IReadOnlyList<Bar>>>> All { get; } = new Dictionary<string, Func<Task<IReadOnlyList<Bar>>>>
    {
        ["auth"] = AuthBench.RunAsync,
        ["audit"] = AuditBench.RunAsync,
        ["cache"] = CacheBench.RunAsync,
        ["console"] = ConsoleBench.RunAsync,
        ["dispatch"] = DispatchBench.RunAsync,
        ["events"] = EventBench.RunAsync,
        ["graphql"] = GraphQLBench.RunAsync,
        ["grpc"] = GrpcBench.RunAsync,
        ["live"] = LiveBench.RunAsync,
        ["nodes"] = NodesBench.RunAsync,
        ["store"] = StoreBench.RunAsync,
        ["swap"] = SwapBench.RunAsync,
        ["start"] = StartBench.RunAsync,
        ["tasks"] = TaskBench.RunAsync,
        ["moves"] = MoveBench.RunAsync,
        ["unload"] = UnloadBench.RunAsync,
    };

    /// <summary>The built greeter plugin.</summary>
    public static string Greeter { get; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../../artifacts", AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "release" : "debug", "bench/greeter"));

    /// <summary>Folder of a built plugin of the repository.</summary>
    public static string Plugin(string id) => Path.GetFullPath(Path.Combine(Greeter, "../../plugins", id));

    /// <summary>A copy of a folder.</summary>
    public static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }

    /// <summary>A copy of the greeter with changed facts in its manifest.</summary>
    public static void CopyGreeter(string to, Action<JsonObject> change)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(Greeter).Where(f => Path.GetExtension(f) is ".dll" or ".json")) File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(to, "manifest.json")))!.AsObject();
        change(manifest);
        File.WriteAllText(Path.Combine(to, "manifest.json"), manifest.ToJsonString());
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    /// <summary>Measures two loads in turns, after a warm-up, and returns the medians: a machine whose speed drifts hits both.</summary>
    public static async Task<(double A, double B, double Ratio)> InTurnsAsync(Func<TimeSpan, Task<LoadResult>> a, Func<TimeSpan, Task<LoadResult>> b, int rounds = 7, double seconds = 2, double warm = 3)
    {
        await a(TimeSpan.FromSeconds(warm));
        await b(TimeSpan.FromSeconds(warm));
        var pairs = new List<(double A, double B)>();
        for (var round = 0; round < rounds; round++)
        {
            var first = await a(TimeSpan.FromSeconds(seconds));
            var second = await b(TimeSpan.FromSeconds(seconds));
            if (first.Failed + second.Failed > 0) throw new InvalidOperationException($"requests failed: {first.FirstError ?? second.FirstError}");
            pairs.Add((first.PerSecond, second.PerSecond));
        }

        return (Median(pairs.Select(p => p.A)), Median(pairs.Select(p => p.B)), Median(pairs.Select(p => p.A / p.B)));
    }
}
