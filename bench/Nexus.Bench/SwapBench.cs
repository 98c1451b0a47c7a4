using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Nexus.Bench;

/// <summary>Swaps under load: nothing fails, nothing stays.</summary>
internal static class SwapBench
{
    private const int Swaps = 200;

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        foreach (var version in new[] { "1.0.0", "2.0.0" }) Benches.CopyGreeter(Path.Combine(folder, version), manifest => manifest["version"] = version);
        Directory.CreateDirectory(Path.Combine(folder, "none"));
        await using var host = await Child.HostAsync(Path.Combine(folder, "none"), "--plugins:watchPeriod=00:00:00", "--server:accessLog=false");
        using var operators = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}") };
        await InstallAsync(operators, Path.Combine(folder, "1.0.0"));
        var get = Load.Get("/api/custom/greeter/hello/Ada");
        var stream = Load.Get("/api/custom/greeter/stream");

        await new Load(host.Port).RunAsync(8, TimeSpan.FromSeconds(3), _ => get);
        var idle = await new Load(host.Port).RunAsync(8, TimeSpan.FromSeconds(5), _ => get);
        using var end = new CancellationTokenSource();
        var requests = new Load(host.Port).RunAsync(8, TimeSpan.FromMinutes(5), _ => get, stop: end.Token);
        var streams = new Load(host.Port).RunAsync(1, TimeSpan.FromMinutes(5), _ => stream, stop: end.Token);
        var listening = ListenAsync(host.Port, end.Token);
        for (var swap = 0; swap < Swaps; swap++) await InstallAsync(operators, Path.Combine(folder, swap % 2 == 0 ? "2.0.0" : "1.0.0"));
        await end.CancelAsync();
        var loaded = await requests;
        var streamed = await streams;
        var events = await listening;

        var alive = -1;
        for (var tries = 0; tries < 100 && alive != 0; tries++)
        {
            var plugin = (await operators.GetFromJsonAsync<JsonObject>("/api/v1/plugins/greeter"))!;
            alive = (int?)plugin["generationsAlive"] ?? -1;
            if (alive != 0) await Task.Delay(200);
        }

        Directory.Delete(folder, recursive: true);
        return
        [
            new("failed requests of 8 clients", loaded.Failed, "", 0, AtLeast: false),
            new("failed streamed bodies", streamed.Failed, "", 0, AtLeast: false),
            new("contexts alive after", alive, "", 0, AtLeast: false),
            new("p99 during swaps over idle p99", loaded.Quantile(0.99) / idle.Quantile(0.99), "×", 5, AtLeast: false, Baseline: idle.Quantile(0.99)),
            new("requests answered during 200 swaps", loaded.Done, ""),
            new("streamed bodies", streamed.Done, ""),
            new("SSE streams that ended and opened again", events, ""),
            new("swaps per second", Swaps / loaded.Elapsed.TotalSeconds, "/s"),
        ];
    }

    private static async Task InstallAsync(HttpClient operators, string path)
    {
        using var answer = await operators.PostAsJsonAsync("/api/v1/plugins", new { path, update = true, force = true, activate = true });
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException(await answer.Content.ReadAsStringAsync());
    }

    private static async Task<int> ListenAsync(int port, CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        var opened = 0;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var response = await client.GetAsync("/api/custom/greeter/events", HttpCompletionOption.ResponseHeadersRead, stop);
                response.EnsureSuccessStatusCode();
                opened++;
                using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(stop));
                while (await reader.ReadLineAsync(stop) is not null)
                {
                    // Ticks keep coming until the generation stops.
                }
            }
            catch (Exception error) when (error is OperationCanceledException or IOException)
            {
                // The generation that served this stream was swapped: the client opens it again, as browsers do.
            }
        }

        return opened;
    }
}
