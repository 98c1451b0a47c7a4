using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Caching.Memory;
using Nexus.Data;
using Nexus.Kernel.Plugins;

namespace Nexus.Bench;

/// <summary>Two nodes on one Redis: what a hit in memory costs, how often a value is loaded that all want at once, and how soon one node sees what the other wrote.</summary>
internal static class CacheBench
{
    private const int Misses = 1000;
    private const int Writes = 100;
    private const int Reads = 2_000_000;

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-bench-cache-").FullName;
        Benches.Copy(Benches.Plugin("engines.redis"), Path.Combine(folder, "plugins", "engines.redis"));
        var port = FreePort();
        using var redis = Process.Start(new ProcessStartInfo("redis-server", ["--bind", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--save", "", "--dir", folder, "--loglevel", "warning"]) { RedirectStandardOutput = true }) ?? throw new InvalidOperationException("redis-server does not start.");
        try
        {
            var one = await NodeAsync(folder, "one", port);
            var two = await NodeAsync(folder, "two", port);
            var bars = new List<Bar>();
            bars.AddRange(await HitsAsync(one.Probe));
            bars.Add(new Bar($"loads for {Misses} concurrent misses on one node", await LoadsAsync("one", one.Probe), "", 1, AtLeast: false));
            bars.Add(new Bar($"loads for {Misses} concurrent misses on two nodes", await LoadsAsync("two", one.Probe, two.Probe), "", 1, AtLeast: false));
            var seen = await SeenAsync(one.Probe, two.Probe);
            bars.Add(new Bar($"a write on one node seen on the other, slowest of {Writes}", seen.Max(), "ms", 100, AtLeast: false));
            bars.Add(new Bar("a write on one node seen on the other, median", Benches.Median(seen), "ms"));
            await one.App.StopAsync();
            await two.App.StopAsync();
            return bars;
        }
        finally
        {
            redis.Kill();
            await redis.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Both read the same text under the same key; in turns, as a machine whose speed drifts hits both.</summary>
    private static async Task<IEnumerable<Bar>> HitsAsync(Probe probe)
    {
        const string key = "profile:123:v1";
        using var plain = new MemoryCache(new MemoryCacheOptions { SizeLimit = 100_000 });
        plain.Set(key, "Ada Lovelace", new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(5) });
        await probe.Typed.SetAsync(key, "Ada Lovelace");
        var found = new List<(double Nexus, double Bytes, double Plain)>();
        for (var round = 0; round < 7; round++)
        {
            var typed = await NanosecondsAsync(async () =>
            {
                for (var i = 0; i < Reads; i++)
                {
                    if ((await probe.Typed.GetOrCreateAsync(key, static _ => new ValueTask<string>("missed"))).Length != 12) throw new InvalidOperationException("The cache missed.");
                }
            });
            var address = CacheKey.Of("profile", "123", "v1");
            var bytes = await NanosecondsAsync(async () =>
            {
                for (var i = 0; i < Reads; i++)
                {
                    if ((await probe.Cache.FindAsync(address)).Value.Length != 14) throw new InvalidOperationException("The cache missed.");
                }
            });
            var baseline = await NanosecondsAsync(() =>
            {
                for (var i = 0; i < Reads; i++)
                {
                    if (!plain.TryGetValue(key, out string? value) || value!.Length != 12) throw new InvalidOperationException("MemoryCache missed.");
                }
                return Task.CompletedTask;
            });
            if (round > 1) found.Add((typed, bytes, baseline));
        }

        var memory = Benches.Median(found.Select(f => f.Plain));
        return
        [
            new Bar("a hit in memory by HybridCache over MemoryCache", Benches.Median(found.Select(f => f.Nexus / f.Plain)), "×", 3, AtLeast: false, Baseline: memory),
            new Bar("a hit in memory by ICache over MemoryCache", Benches.Median(found.Select(f => f.Bytes / f.Plain)), "×", 3, AtLeast: false, Baseline: memory),
            new Bar("a hit in memory by HybridCache", Benches.Median(found.Select(f => f.Nexus)), "ns"),
        ];
    }

    private static async Task<double> NanosecondsAsync(Func<Task> run)
    {
        var clock = Stopwatch.StartNew();
        await run();
        return clock.Elapsed.TotalNanoseconds / Reads;
    }

    private static async Task<double> LoadsAsync(string id, params Probe[] nodes)
    {
        var loads = 0;
        await Task.WhenAll(Enumerable.Range(0, Misses).Select(i => Task.Run(async () => await nodes[i % nodes.Length].Cache.GetAsync(CacheKey.Of("slow", id, "v1"), async token =>
        {
            Interlocked.Increment(ref loads);
            await Task.Delay(100, token);
            return new CacheLoaded("loaded"u8.ToArray());
        }))));
        return loads;
    }

    private static async Task<double[]> SeenAsync(Probe one, Probe two)
    {
        var key = CacheKey.Of("price", "1", "v1");
        var seen = new double[Writes];
        for (var i = 0; i < Writes; i++)
        {
            var value = Encoding.UTF8.GetBytes(i.ToString(CultureInfo.InvariantCulture));
            await one.Cache.SetAsync(key, value);
            var clock = Stopwatch.StartNew();
            while (!(await two.Cache.FindAsync(key)).Value.Span.SequenceEqual(value))
            {
                if (clock.Elapsed > TimeSpan.FromSeconds(10)) throw new TimeoutException("The other node does not see the write.");
                await Task.Yield();
            }

            seen[i] = clock.Elapsed.TotalMilliseconds;
        }

        return seen;
    }

    private static async Task<(WebApplication App, Probe Probe)> NodeAsync(string folder, string name, int redis)
    {
        var probe = new Probe();
        var data = Path.Combine(folder, name);
        var app = NexusHost.Build(
            ["--database:type=memory", $"--database:directory={data}", $"--plugins:dataDirectory={data}", $"--plugins:directories:0={Path.Combine(folder, "plugins")}", "--server:port=0", "--logging:level=error", "--cache:type=redis", $"--redis:connectionString=127.0.0.1:{redis}"],
            new BuiltInPlugin(new PluginManifest { Name = "bench.cache", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Reaches the cache.", Entry = "" }, () => probe));
        await StorageOpener.OpenAsync(app.Services);
        app.UseNexusGateway();
        await app.StartAsync();
        var health = app.Services.GetServices<IDependencyHealth>().Single(d => d.Name == "cache");
        var clock = Stopwatch.StartNew();
        while (await health.CheckAsync(CancellationToken.None) is { Status: not HealthLevel.Healthy } ill)
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(30)) throw new TimeoutException(ill.Detail);
            await Task.Delay(50);
        }

        return (app, probe);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>A plugin that hands its part of the cache out.</summary>
    private sealed class Probe : IPlugin, IStart
    {
        public ICache Cache { get; private set; } = null!;

        public HybridCache Typed { get; private set; } = null!;

        public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(static _ => { });

        public Task StartAsync(IServiceProvider services, CancellationToken cancellationToken)
        {
            (Cache, Typed) = (services.GetRequiredService<ICache>(), services.GetRequiredService<HybridCache>());
            return Task.CompletedTask;
        }
    }
}
