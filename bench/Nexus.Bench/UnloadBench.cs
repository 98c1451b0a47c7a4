using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.Bench;

/// <summary>Load, use, unload: everything that has a cure leaves memory; what has none is quarantined and named.</summary>
internal static class UnloadBench
{
    private const int Cycles = 500;
    private const int Warmup = 50;
    private const int Window = 20;

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-bench-corpus-").FullName;
        Directory.CreateDirectory(Path.Combine(folder, "none"));
        try
        {
            var alone = await AloneAsync(folder);
            var entities = await EntityFrameworkAsync(folder);
            var (alive, growth, level, perSecond) = await CyclesAsync(folder);
            var (quarantined, named) = await LeaksAsync(folder);
            return
            [
                new($"of {UnloadCorpus.Rows.Count} causes alone, alive after", alone, "", 0, AtLeast: false),
                new($"alive after {Cycles} cycles of all causes", alive, "", 0, AtLeast: false),
                new($"resident memory, cycle {Cycles} over cycle {Warmup}", growth, "MB", 5, AtLeast: false, Baseline: level),
                new("cycles per second", perSecond, "/s"),
                new($"of {UnloadLeaks.All.Count} seeded leaks, quarantined", quarantined, "", UnloadLeaks.All.Count),
                new($"of {UnloadLeaks.All.Count} seeded leaks, named by why-alive", named, "", UnloadLeaks.All.Count),
                new("EF Core as a private library, quarantined and named", entities, "", 1),
            ];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Each cause in a plugin of its own, so that a survivor is named by what it did.</summary>
    private static async Task<int> AloneAsync(string folder)
    {
        await using var host = await HostAsync(folder);
        using var client = Client(host);
        var alive = 0;
        foreach (var (row, index) in UnloadCorpus.Rows.Select((r, i) => (r, i)))
        {
            var id = $"alone{index:00}";
            await InstallAsync(client, UnloadCorpus.Write(Path.Combine(folder, id), id, [row]));
            await UseAsync(client, host.Port, id);
            if (!await LeavesAsync(client, id))
            {
                alive++;
                await Console.Error.WriteLineAsync($"{row.Name}: stays in memory\n{await WhyAsync(client, id)}");
            }
        }

        return alive;
    }

    /// <summary>EF Core with Npgsql as a plugin's private library: both leave meters and a handler of the process's end behind, for which a plugin has no cure.</summary>
    private static async Task<int> EntityFrameworkAsync(string folder)
    {
        await using var host = await HostAsync(folder, "--plugins:unloadLimit=00:00:01");
        using var client = Client(host);
        await InstallAsync(client, UnloadCorpus.WriteEntityFramework(Path.Combine(folder, "entities"), "entities"));
        var sql = await client.GetStringAsync("/api/custom/entities/query?least=3");
        if (!sql.Contains(" JOIN ", StringComparison.Ordinal)) throw new InvalidOperationException($"EF Core made no query: {sql}");
        if (await LeavesAsync(client, "entities")) return 0;
        var told = (await WhyAsync(client, "entities")).ToString();
        return told.Contains("Npgsql.PoolManager", StringComparison.Ordinal) && told.Contains("EntityFrameworkMetrics", StringComparison.Ordinal) ? 1 : 0;
    }

    /// <summary>All causes in one plugin, and the greeter with its generated codecs and delegates, again and again.</summary>
    private static async Task<(int Alive, double Growth, double Level, double PerSecond)> CyclesAsync(string folder)
    {
        Benches.CopyGreeter(Path.Combine(folder, "greeter"), _ => { });
        var all = UnloadCorpus.Write(Path.Combine(folder, "corpus"), "corpus", UnloadCorpus.Rows);
        await using var host = await HostAsync(folder);
        using var client = Client(host);
        await InstallAsync(client, all);
        await InstallAsync(client, Path.Combine(folder, "greeter"));
        var alive = 0;
        var levels = new List<double>();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (var cycle = 1; cycle <= Cycles; cycle++)
        {
            if (cycle > 1)
            {
                await PostAsync(client, "/api/v1/plugins/corpus/enable");
                await PostAsync(client, "/api/v1/plugins/greeter/enable");
            }

            await UseAsync(client, host.Port, "corpus");
            await client.GetStringAsync("/api/custom/greeter/hello/Ada");
            await UseNotesAsync(client, "/api/custom/greeter/notes/", new { text = "cycle" });
            if (!await LeavesAsync(client, "corpus")) alive++;
            if (!await LeavesAsync(client, "greeter")) alive++;
            if (alive > 0)
            {
                await Console.Error.WriteLineAsync($"cycle {cycle}: stays in memory\n{await WhyAsync(client, "corpus")}\n{await WhyAsync(client, "greeter")}");
                break;
            }

            levels.Add(host.Memory / 1048576.0);
        }

        // Single readings swing by what the collector has not returned yet; the median of a window does not.
        var level = Benches.Median(levels.Skip(Warmup - (Window / 2)).Take(Window).DefaultIfEmpty());
        return (alive, Benches.Median(levels.TakeLast(Window).DefaultIfEmpty()) - level, level, levels.Count / clock.Elapsed.TotalSeconds);
    }

    private static async Task<(int Quarantined, int Named)> LeaksAsync(string folder)
    {
        await using var host = await HostAsync(folder, "--plugins:unloadLimit=00:00:01");
        using var client = Client(host);
        var (quarantined, named) = (0, 0);
        foreach (var (leak, index) in UnloadLeaks.All.Select((l, i) => (l, i)))
        {
            var id = $"leak{index:00}";
            await InstallAsync(client, UnloadLeaks.Write(Path.Combine(folder, id), id, leak));
            await client.GetStringAsync($"/api/custom/{id}/");
            if (!await LeavesAsync(client, id)) quarantined++;
            var told = await WhyAsync(client, id);
            if ((string?)told["holds"]?[0]?["cause"] == leak.Cause) named++;
            else await Console.Error.WriteLineAsync($"{leak.Name}: expected {leak.Cause}, told {told.ToJsonString()}");
        }

        return (quarantined, named);
    }

    private static Task<Child> HostAsync(string folder, params string[] settings) =>
        Child.HostAsync(Path.Combine(folder, "none"), ["--plugins:watchPeriod=00:00:00", "--plugins:outbound:allowed:0=127.0.0.1", "--server:accessLog=false", .. settings]);

    private static HttpClient Client(Child host) => new() { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}"), Timeout = TimeSpan.FromMinutes(3) };

    private static async Task UseAsync(HttpClient client, int port, string id)
    {
        var routes = JsonNode.Parse(await client.GetStringAsync($"/api/custom/{id}/routes"))!.AsArray().Select(r => (string)r!).ToArray();
        foreach (var route in routes)
        {
            var failing = route.StartsWith('!');
            using var answer = await client.GetAsync($"/api/custom/{id}/{route.TrimStart('!').Replace("{port}", $"{port}", StringComparison.Ordinal)}");
            if (failing == answer.IsSuccessStatusCode) throw new InvalidOperationException($"{id}/{route}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
            if (route == "resources") await UseNotesAsync(client, $"/api/custom/{id}/things/", new { name = "cycle", size = 3 });
        }
    }

    private static async Task UseNotesAsync(HttpClient client, string resource, object record)
    {
        var created = await PostAsync(client, resource, record);
        await client.GetStringAsync($"{resource}?limit=5&sort=-createdAt");
        (await client.PatchAsJsonAsync($"{resource}{(string)created["id"]!}", record)).EnsureSuccessStatusCode().Dispose();
        (await client.DeleteAsync($"{resource}{(string)created["id"]!}")).EnsureSuccessStatusCode().Dispose();
    }

    private static Task<JsonNode> InstallAsync(HttpClient client, string path) => PostAsync(client, "/api/v1/plugins", new { path, update = true, force = true, activate = true });

    private static async Task<bool> LeavesAsync(HttpClient client, string id)
    {
        var left = await PostAsync(client, $"/api/v1/plugins/{id}/disable");
        return string.Equals((string?)left["state"], "stopped", StringComparison.OrdinalIgnoreCase) && (int?)left["generationsAlive"] == 0;
    }

    private static async Task<JsonNode> WhyAsync(HttpClient client, string id)
    {
        using var answer = await client.GetAsync($"/api/v1/plugins/{id}/why-alive");
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }

    private static async Task<JsonNode> PostAsync(HttpClient client, string path, object? body = null)
    {
        using var answer = await client.PostAsJsonAsync(path, body ?? new object());
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? JsonNode.Parse(text)! : throw new InvalidOperationException($"{path}: {(int)answer.StatusCode} {text}");
    }
}
