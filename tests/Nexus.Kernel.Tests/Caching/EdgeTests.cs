using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Kernel.Caching;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Caching;

/// <summary>Edge caches that are told to forget.</summary>
public sealed class EdgeTests
{
    [Fact]
    public async Task Varnish_keeps_public_answers_and_forgets_them_by_tag()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("PATH")!.Split(':').Append("/usr/sbin").Any(p => File.Exists(Path.Combine(p, "varnishd"))), "varnishd is not installed (apt-get install varnish).");
        var calls = 0;
        await using var node = await NodeAsync(context =>
        {
            Interlocked.Increment(ref calls);
            context.Response.Headers.CacheControl = context.Request.Path == "/private" ? "private, no-cache" : "public, max-age=0, s-maxage=60";
            context.Response.Headers["Cache-Tag"] = context.Request.Path == "/other" ? "resource:shop.orders2,shop/plugin:shop" : "resource:shop.orders,shop/plugin:shop";
            return context.Response.WriteAsync($"call {calls}");
        });
        await using var varnish = await Varnish.StartAsync(new Uri(node.Urls.First()).Port);
        using var client = new HttpClient { BaseAddress = varnish.Address };
        using var edge = new HttpEdgeCache([varnish.Address], new SocketsHttpHandler());
        var purge = new EdgePurge([edge], TimeProvider.System, NullLogger.Instance);
        var token = TestContext.Current.CancellationToken;

        Assert.Equal(("call 1", "call 1", "call 2"), (await client.GetStringAsync("/orders", token), await client.GetStringAsync("/orders", token), await client.GetStringAsync("/other", token)));
        Assert.Equal(("call 3", "call 4"), (await client.GetStringAsync("/private", token), await client.GetStringAsync("/private", token)));
        purge.Purge(["resource:shop.orders"]);

        await LayeredCacheTests.Until(async () => await client.GetStringAsync("/orders", token) == "call 5");
        Assert.Equal(("call 5", "call 2"), (await client.GetStringAsync("/orders", token), await client.GetStringAsync("/other", token)));
    }

    [Fact]
    public async Task A_removal_by_tag_and_a_commit_are_told_to_the_edge()
    {
        var edge = new FakeEdge();
        var clock = new FakeClock();
        var node = new CacheNode(clock);
        node.Layers.TagsRemoved = new EdgePurge([edge], clock, NullLogger.Instance).Purge;

        await node.Cache.RemoveAsync(CacheSelection.Tagged("red"), TestContext.Current.CancellationToken);
        node.Layers.RemoveTagSoon("resource:shop.orders");

        await LayeredCacheTests.Until(() => Task.FromResult(edge.Told.Order().SequenceEqual(["resource:shop.orders", "shop/red"])));
    }

    [Fact]
    public async Task An_edge_that_cannot_be_told_is_told_again()
    {
        var edge = new FakeEdge { IsDown = true };
        var clock = new FakeClock();
        var purge = new EdgePurge([edge], clock, NullLogger.Instance);

        purge.Purge(["a"]);
        await LayeredCacheTests.Until(() => Task.FromResult(purge.Failure is not null));
        purge.Purge(["b"]);
        edge.IsDown = false;

        await LayeredCacheTests.Until(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(2));
            return Task.FromResult(edge.Told.Order().SequenceEqual(["a", "b"]));
        });
        await LayeredCacheTests.Until(() => Task.FromResult(purge.Failure is null));
    }

    private static async Task<WebApplication> NodeAsync(RequestDelegate handler)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(handler);
        await app.StartAsync();
        return app;
    }

    private sealed class FakeEdge : IEdgeCache
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> told = new();

        public bool IsDown { get; set; }

        public IEnumerable<string> Told => told.Distinct();

        public ValueTask PurgeAsync(System.Collections.Immutable.ImmutableArray<string> tags, CancellationToken cancellationToken)
        {
            if (IsDown)
                throw new HttpRequestException("down");
            foreach (var tag in tags)
                told.Enqueue(tag);
            return default;
        }
    }

    /// <summary>A real varnishd with the shipped configuration.</summary>
    private sealed class Varnish(Process process, string folder, Uri address) : IAsyncDisposable
    {
        public Uri Address => address;

        public static async Task<Varnish> StartAsync(int backend)
        {
            var folder = Directory.CreateTempSubdirectory("nexus-varnish-").FullName;
            var shipped = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "nexus.vcl"));
            await File.WriteAllTextAsync(Path.Combine(folder, "nexus.vcl"), shipped.Replace("\"8000\"", $"\"{backend}\"", StringComparison.Ordinal));
            int port;
            using (var listener = new TcpListener(IPAddress.Loopback, 0))
            {
                listener.Start();
                port = ((IPEndPoint)listener.LocalEndpoint).Port;
            }
            var program = File.Exists("/usr/sbin/varnishd") ? "/usr/sbin/varnishd" : "varnishd";
            var process = Process.Start(new ProcessStartInfo(program, ["-F", "-j", "none", "-a", $"127.0.0.1:{port}", "-f", Path.Combine(folder, "nexus.vcl"), "-n", Path.Combine(folder, "n"), "-s", "malloc,16m"]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var said = process.StandardError.ReadToEndAsync();
            _ = process.StandardOutput.ReadToEndAsync();
            var varnish = new Varnish(process, folder, new Uri($"http://127.0.0.1:{port}/"));
            for (var i = 0; i < 1500; i++)
            {
                if (process.HasExited)
                    throw new InvalidOperationException(await said);
                using var probe = new TcpClient();
                try
                {
                    await probe.ConnectAsync(IPAddress.Loopback, port);
                    return varnish;
                }
                catch (SocketException)
                {
                    await Task.Delay(20);
                }
            }
            throw new TimeoutException("varnishd does not listen.");
        }

        public async ValueTask DisposeAsync()
        {
            // Its own signal: the worker process ends with it.
            using (Process.Start("kill", ["-TERM", $"{process.Id}"]))
                await process.WaitForExitAsync();
            process.Dispose();
            Directory.Delete(folder, recursive: true);
        }
    }
}
