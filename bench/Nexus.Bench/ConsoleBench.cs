using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Bench;

/// <summary>The console in Debian's Chromium with a list of 100,000 records: what it loads, how it scrolls and filters, whether it opens without the server, and Lighthouse's scores.</summary>
internal static class ConsoleBench
{
    private const int Records = 100_000;
    private const int Rounds = 15;
    private const string Orders = "/api/business/orders/orders";
    private const string Password = "Correct-Horse-9-Battery";

    private static readonly string[] Names = ["Ada", "Barbara", "Charles", "Donald", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "Jean", "Katherine", "Leslie", "Margaret", "Niklaus", "Ole", "Peter", "Radia", "Sophie", "Tim", "Ursula"];

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var browser = new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists) ?? throw new InvalidOperationException("Chromium is not installed (apt-get install chromium).");
        var scripts = await InstallAsync();
        var plugins = Directory.CreateTempSubdirectory("nexus-bench-plugins-").FullName;
        try
        {
            foreach (var one in new[] { "core.identity", "core.audit", "../samples/orders" }) Benches.Copy(Benches.Plugin(one), Path.Combine(plugins, Path.GetFileName(one)));
            const string first = "First-Horse-7-Battery";
            await using var host = await Child.HostAsync(plugins, $"--plugins:core.identity:administratorPassword={first}");
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{host.Port}"), Timeout = TimeSpan.FromMinutes(5) };
            await SignInAsync(client, first);
            await FillAsync(client);
            var server = await ServerAsync(client);
            var measured = await MeasureAsync(scripts, new { address = client.BaseAddress.ToString().TrimEnd('/'), executable = browser, password = Password, pid = host.Pid, records = Records, rounds = Rounds, words = Names });
            return [.. Bars(measured), .. server];
        }
        finally
        {
            Directory.Delete(plugins, recursive: true);
        }
    }

    private static IEnumerable<Bar> Bars(JsonNode measured)
    {
        static double Number(JsonNode? node) => node!.GetValue<double>();
        static double[] Numbers(JsonNode? node) => [.. node!.AsArray().Select(Number).Order()];
        yield return new("first visit, script until home is shown", Number(measured["script"]!["first"]) / 1024, "KB", 200, AtLeast: false);
        var largest = measured["script"]!["pages"]![0]!;
        yield return new($"script that a page fetches on top, largest: {largest["name"]}", Number(largest["bytes"]) / 1024, "KB", 60, AtLeast: false);
        foreach (var (kind, name) in new[] { ("wheel", "wheel, 4,000 px/s"), ("drag", "scrollbar dragged over all in 6 s") })
        {
            var frames = measured["frames"]![kind]!;
            yield return new($"frames/s, 100,000 records, {name}", Number(frames["perSecond"]), "/s", 50);
            yield return new("  95th of a hundred frames took", Number(frames["p95"]), "ms");
            yield return new("  frames with a row that was still on its way", 100 * Number(frames["waiting"]), "%");
        }

        foreach (var (what, kind, name) in new[] { ("search", "one", "search that finds one"), ("search", "twentieth", "search that finds 5,000"), ("search", "half", "search that finds 50,000"), ("filter", "indexed", "condition on a field with an index"), ("filter", "plain", "condition on a field without one") })
        {
            var times = Numbers(measured[what]![kind]);
            yield return new($"from the last key to the rows, {name}: median", times[times.Length / 2], "ms", 300, AtLeast: false);
            yield return new("  95th of a hundred", times[(int)(times.Length * 0.95)], "ms", 300, AtLeast: false);
        }

        yield return new("a visited page opens, the server killed", Number(measured["offline"]), "ms", 1000, AtLeast: false);
        foreach (var page in measured["scores"]!.AsArray())
        {
            foreach (var category in new[] { "performance", "accessibility", "best-practices" })
                yield return new($"Lighthouse {page!["name"]}: {category}", Number(page["desk"]![category]), "", 95);
            yield return new("  performance on a slow line, with a quarter of the processor", Number(page!["phone"]!["performance"]), "");
        }
    }

    /// <summary>The server's part of what the browser waits for.</summary>
    private static async Task<IReadOnlyList<Bar>> ServerAsync(HttpClient client)
    {
        var bars = new List<Bar>();
        foreach (var (name, query) in new[]
        {
            ("first page with count", "count=true"), ("search that finds 50,000, with count", "count=true&q=even"), ("condition without an index, with count", "count=true&filter[quantity][$lte]=10"),
            ("page 900 of 1,000", "page=900"), ("page 900, sorted by a field without an index", "page=900&sort=customer"),
        })
        {
            var times = new List<double>();
            for (var i = 0; i < 11; i++)
            {
                var clock = Stopwatch.StartNew();
                await client.GetByteArrayAsync($"{Orders}?limit=100&{query}");
                times.Add(clock.Elapsed.TotalMilliseconds);
            }

            bars.Add(new($"the server's part: {name}, median", Benches.Median(times), "ms"));
        }

        return bars;
    }

    private static async Task SignInAsync(HttpClient client, string first)
    {
        client.DefaultRequestHeaders.Authorization = new("Bearer", await TokenAsync(client, first));
        using var changed = await client.PostAsJsonAsync("/api/v1/auth/password/change", new { currentPassword = first, newPassword = Password });
        changed.EnsureSuccessStatusCode();
        client.DefaultRequestHeaders.Authorization = new("Bearer", await TokenAsync(client, Password));
    }

    private static async Task<string> TokenAsync(HttpClient client, string password)
    {
        using var answer = await client.PostAsJsonAsync("/api/v1/auth/login", new { username = "admin", password });
        answer.EnsureSuccessStatusCode();
        return (string)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["access_token"]!;
    }

    private static async Task FillAsync(HttpClient client)
    {
        for (var from = 0; from < Records; from += 1000)
        {
            using var answer = await client.PostAsJsonAsync($"{Orders}/batch", Enumerable.Range(from, 1000).Select(n => new
            {
                customer = $"{Names[n % Names.Length]} {(n / Names.Length % 2 == 0 ? "even" : "odd")} {n}",
                sku = $"S-{n % 500}",
                quantity = n % 1000 + 1,
                total = new { amount = (n % 9000 / 10m).ToString("0.00", CultureInfo.InvariantCulture), currency = "EUR" },
            }));
            answer.EnsureSuccessStatusCode();
        }
    }

    private static async Task<JsonNode> MeasureAsync(string folder, object input)
    {
        using var process = Process.Start(new ProcessStartInfo("node", ["measure.mjs", JsonSerializer.Serialize(input)]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? JsonNode.Parse(await output)! : throw new InvalidOperationException($"the browser's measurement ended with {process.ExitCode}: {await errors}");
    }

    /// <summary>The measuring script with its packages, installed from the lock file beside it.</summary>
    private static async Task<string> InstallAsync()
    {
        var from = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../Console"));
        var to = Directory.CreateDirectory(Path.Combine(Benches.Greeter, "../console")).FullName;
        var locked = Path.Combine(to, "package-lock.json");
        var isNew = !Directory.Exists(Path.Combine(to, "node_modules")) || !File.Exists(locked) || await File.ReadAllTextAsync(locked) != await File.ReadAllTextAsync(Path.Combine(from, "package-lock.json"));
        foreach (var file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        if (!isNew) return to;
        using var process = Process.Start(new ProcessStartInfo("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]) { WorkingDirectory = to })!;
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? to : throw new InvalidOperationException($"npm cannot install the packages of bench/Console in {to}.");
    }
}
