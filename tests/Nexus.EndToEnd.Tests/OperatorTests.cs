using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

public sealed class OperatorTests
{
    private static string Orders => Path.Combine(Programs.Samples, "orders");

    [Fact]
    public async Task A_host_in_an_empty_folder_serves_health_with_no_configuration()
    {
        await using var host = await RunningHost.StartAsync();

        Assert.Equal("healthy", ((string)(await host.GetAsync("/health"))["status"]!).ToLowerInvariant());
    }

    [Fact]
    public async Task A_start_connects_the_database_finds_plugins_loads_them_and_registers_routes_in_this_order()
    {
        await using var host = await RunningHost.StartAsync(Orders);

        await host.SaysAsync("routes.registered");
        var steps = new[] { "database.connected", "plugins.discovered", "Plugin orders", "routes.registered" }.Select(step => host.Log.IndexOf(step, StringComparison.Ordinal)).ToArray();
        Assert.True(steps is [>= 0, ..] && steps.SequenceEqual(steps.Order()), $"{string.Join(' ', steps)} in {host.Log}");
    }

    [Fact]
    public async Task The_openapi_document_grows_and_shrinks_with_the_plugins()
    {
        await using var host = await RunningHost.StartAsync(Orders);
        bool Has(JsonNode document) => document["paths"]!.AsObject().Any(p => p.Key.StartsWith("/api/business/orders/orders", StringComparison.Ordinal));

        Assert.True(Has(await host.GetAsync("/openapi.json")));
        await host.PostAsync("/api/v1/plugins/orders/disable");
        Assert.False(Has(await host.GetAsync("/openapi.json")));
        await host.PostAsync("/api/v1/plugins/orders/enable");
        Assert.True(Has(await host.GetAsync("/openapi.json")));
    }

    [Fact]
    public async Task A_plugins_own_routes_are_described_with_their_files_their_queries_and_plain_numbers()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Plugins, "finance.ledger"));

        var document = await host.GetAsync("/openapi.json");

        var import = document["paths"]!["/api/business/ledger/imports"]!["post"]!;
        Assert.Contains("text/csv", import["requestBody"]!["content"]!.AsObject().Select(c => c.Key));
        Assert.Equal(["book", "account", "file", "profile", "preview", "answer.*"], import["parameters"]!.AsArray().Select(p => (string)p!["name"]!));
        Assert.Equal("integer", (string)Schema(import["responses"]!["201"]!)["properties"]!["added"]!["type"]!);
        Assert.All(References(document), r => Assert.StartsWith("#/components/", r, StringComparison.Ordinal));
        Assert.Null(Schema(document["paths"]!["/api/business/ledger/books"]!["post"]!["requestBody"]!)["required"]);

        // Types of a plugin have their names among the schemas.
        JsonNode Schema(JsonNode holder) => ((string)holder["content"]!["application/json"]!["schema"]!["$ref"]!)[2..].Split('/').Aggregate(document, (at, part) => at[part]!);
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(p => p.Key == "$ref" && p.Value is JsonValue ? [(string)p.Value!] : References(p.Value)),
        JsonArray a => a.SelectMany(References),
        _ => [],
    };

    [Fact]
    public async Task The_enabled_set_is_stored_and_survives_a_restart()
    {
        await using var host = await RunningHost.StartAsync(Orders, Path.Combine(Programs.Samples, "inventory"));
        await host.PostAsync("/api/v1/plugins/inventory/disable");

        await host.KillAndRestartAsync();

        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetAsync("/api/business/inventory/stock/")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await host.Client.GetAsync("/api/business/orders/orders/")).StatusCode);
        Assert.Contains("orders", (await Programs.CliAsync(host, "data", "get", "core/plugins/enabled", "--json")).Output);
        Assert.DoesNotContain("inventory", (await Programs.CliAsync(host, "data", "get", "core/plugins/enabled", "--json")).Output);
    }

    [Fact]
    public async Task A_terminated_host_stops_its_plugins_before_its_storage_and_exits_0()
    {
        await using var host = await RunningHost.StartAsync(Orders);

        Assert.Equal(0, await host.StopAsync());
    }

    [Fact]
    public async Task Nothing_acknowledged_is_lost_by_20_kills_in_the_middle_of_writes()
    {
        await using var host = await RunningHost.StartAsync(Orders);
        var acknowledged = new List<string>();
        for (var round = 0; round < 20; round++)
        {
            using var stop = new CancellationTokenSource();
            var writers = Enumerable.Range(0, 8).Select(n => Task.Run(() => WriteAsync(host, $"r{round}w{n}", acknowledged, stop.Token))).ToArray();
            // Into the middle of the writes: at least some of this round are acknowledged, and more are on their way.
            var before = Count(acknowledged);
            await UntilAsync(() => Count(acknowledged) >= before + 10 + round * 7 % 40, writers);
            await host.KillAndRestartAsync();
            await stop.CancelAsync();
            await Task.WhenAll(writers);
        }

        var stored = await AllIdsAsync(host);
        Assert.Empty(acknowledged.Except(stored));
        Assert.Equal(stored.Count, stored.Distinct().Count());
    }

    /// <summary>Waits, at most a minute, until work in the background has come so far; fails at once where all of it has ended.</summary>
    private static async Task UntilAsync(Func<bool> condition, params Task[] work)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            var failure = work.FirstOrDefault(w => w.IsFaulted)?.Exception;
            Assert.True(failure is null && !work.All(w => w.IsCompleted) && clock.Elapsed < TimeSpan.FromSeconds(60), $"the work does not get on: {failure}");
            await Task.Delay(5);
        }
    }

    private static int Count(List<string> acknowledged)
    {
        lock (acknowledged) return acknowledged.Count;
    }

    private static async Task WriteAsync(RunningHost host, string customer, List<string> acknowledged, CancellationToken stop)
    {
        using var client = new HttpClient { BaseAddress = host.Address };
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var response = await client.PostAsJsonAsync("/api/business/orders/orders/", new { customer, sku = "tea", quantity = 1 }, stop);
                if (response.StatusCode != HttpStatusCode.Created) continue;
                var id = (string)JsonNode.Parse(await response.Content.ReadAsStringAsync(CancellationToken.None))!["id"]!;
                lock (acknowledged) acknowledged.Add(id);
            }
            catch (Exception error) when (RunningHost.IsAway(error))
            {
                // The kill came first: not acknowledged, so nothing is promised. Connecting again ends with the round.
                if (error is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } or SocketException) return;
            }
        }
    }

    private static async Task<List<string>> AllIdsAsync(RunningHost host)
    {
        var ids = new List<string>();
        string? next = "/api/business/orders/orders/?limit=1000";
        while (next is not null)
        {
            using var response = await host.Client.GetAsync(next);
            ids.AddRange(RunningHost.Rows(JsonNode.Parse(await response.Content.ReadAsStringAsync())!).Select(r => (string)r["id"]!));
            next = response.Headers.TryGetValues("Link", out var links) ? links.Select(l => l[(l.IndexOf('<', StringComparison.Ordinal) + 1)..l.IndexOf('>', StringComparison.Ordinal)]).FirstOrDefault() : null;
        }

        return ids;
    }

    [Fact]
    public async Task A_hundred_records_in_one_batch_are_the_same_rows_in_less_time_than_a_hundred_calls()
    {
        await using var host = await RunningHost.StartAsync(Orders);
        object Order(int n, string by) => new { customer = by, sku = $"s{n:000}", quantity = n + 1 };
        await host.PostAsync("/api/business/orders/orders/", Order(0, "warm"));
        var (single, together) = (TimeSpan.MaxValue, TimeSpan.MaxValue);

        // The best of three each: a machine that stands still in the middle of one says nothing about either.
        for (var round = 0; round < 3; round++)
        {
            var clock = Stopwatch.StartNew();
            for (var n = 0; n < 100; n++) await host.PostAsync("/api/business/orders/orders/", Order(n, $"single{round}"));
            single = TimeSpan.FromTicks(Math.Min(single.Ticks, clock.Elapsed.Ticks));
            clock.Restart();
            var batch = await host.PostAsync("/api/business/orders/orders/batch", Enumerable.Range(0, 100).Select(n => Order(n, $"batch{round}")));
            together = TimeSpan.FromTicks(Math.Min(together.Ticks, clock.Elapsed.Ticks));
            Assert.All(RunningHost.Rows(batch), r => Assert.Equal(201, (int)r["status"]!));
            Assert.Equal((await RowsAsync($"single{round}")).Split('\n'), (await RowsAsync($"batch{round}")).Split('\n'));
        }

        async Task<string> RowsAsync(string by) => string.Join('\n', RunningHost.Rows(await host.GetAsync($"/api/business/orders/orders/?filter[customer]={by}&sort=sku&limit=200&fields=sku,quantity,status")).Select(r => r.ToJsonString()));
        Assert.True(together < single / 2, $"100 calls took {single.TotalMilliseconds:0} ms, one batch {together.TotalMilliseconds:0} ms");
    }

    [Fact]
    public async Task A_swap_under_load_fails_no_request()
    {
        await using var host = await RunningHost.StartAsync(Orders);
        await host.PostAsync("/api/business/orders/orders/", new { customer = "Ada", sku = "tea", quantity = 1 });
        using var stop = new CancellationTokenSource();
        var done = 0;
        var clients = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            using var client = new HttpClient { BaseAddress = host.Address };
            while (!stop.IsCancellationRequested)
            {
                using var response = await client.GetAsync("/api/business/orders/orders/?limit=1");
                Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
                Interlocked.Increment(ref done);
            }
        })).ToArray();

        // Each swap has requests before it and after it.
        for (var swap = 0; swap < 10; swap++)
        {
            var before = Volatile.Read(ref done);
            await UntilAsync(() => Volatile.Read(ref done) >= before + 5, clients);
            await host.PostAsync("/api/v1/plugins/orders/reload");
        }

        var after = Volatile.Read(ref done);
        await UntilAsync(() => Volatile.Read(ref done) >= after + 5, clients);
        await stop.CancelAsync();
        await Task.WhenAll(clients);
        await host.UntilAsync("/api/v1/plugins/orders", plugin => plugin["generationsAlive"] is null || (int)plugin["generationsAlive"]! <= 0);
    }
}
