using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>Event streams, batches and purging as programs outside see them.</summary>
public sealed class EventStreamHttpTests
{
    [Fact]
    public async Task Two_writers_with_one_expected_version_do_not_both_append()
    {
        await using var host = await RunningHost.StartAsync();

        var first = await host.PostAsync("/api/v1/events/streams/order-1", new { expectedVersion = 0, events = new object[] { new { name = "orders.opened" }, new { name = "orders.added", data = new { amount = 5 }, headers = new { by = "ann" } } } });
        using var late = await host.Client.PostAsJsonAsync("/api/v1/events/streams/order-1", new { expectedVersion = 0, events = new[] { new { name = "orders.closed" } } });
        var read = await host.GetAsync("/api/v1/events/streams/order-1?from=2");
        var newest = await host.GetAsync("/api/v1/events/streams/order-1?backward&limit=1");
        var shown = await Programs.CliAsync(host, "events", "stream", "order-1");

        Assert.Equal(2, (int)first["version"]!);
        var problem = (await late.Content.ReadFromJsonAsync<JsonNode>())!;
        Assert.Equal((409, "CONFLICT"), ((int)late.StatusCode, (string)problem["code"]!));
        Assert.Equal("orders.added", (string)Assert.Single(read["events"]!.AsArray())!["name"]!);
        Assert.Equal((2, 2, 5, "ann"), ((int)read["version"]!, (int)read["events"]![0]!["version"]!, (int)read["events"]![0]!["data"]!["amount"]!, (string)read["events"]![0]!["headers"]!["by"]!));
        Assert.Equal("orders.added", (string)newest["events"]![0]!["name"]!);
        Assert.Equal(["orders.opened", "orders.added"], RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=orders.*")).Select(e => (string)e["name"]!));
        Assert.Contains("orders.opened", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_thousand_events_are_one_call_and_one_bad_one_among_them_leaves_none()
    {
        await using var host = await RunningHost.StartAsync();

        var published = await host.PostAsync("/api/v1/events/bulk", new { events = Enumerable.Range(0, 1000).Select(n => new { name = "batch.counted", data = new { n } }) });
        using var refused = await host.Client.PostAsJsonAsync("/api/v1/events/bulk", new { events = new object[] { new { name = "batch.good" }, new { data = 1 } } });

        Assert.Equal(1000, published["ids"]!.AsArray().Count);
        Assert.Equal(1000, RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=batch.counted&limit=1000")).Count);
        var problem = (await refused.Content.ReadFromJsonAsync<JsonNode>())!;
        Assert.Equal((422, "VALIDATION_ERROR"), ((int)refused.StatusCode, (string)problem["code"]!));
        Assert.Contains("/events/1/name", problem.ToJsonString(), StringComparison.Ordinal);
        Assert.Empty(RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=batch.good")));
    }

    [Fact]
    public async Task A_dry_run_of_a_purge_counts_and_removes_nothing()
    {
        await using var host = await RunningHost.StartAsync();
        await host.PostAsync("/api/v1/events/bulk", new { events = new[] { new { name = "old.one" }, new { name = "old.two" }, new { name = "other.one" } } });
        var later = TimeProvider.System.GetUtcNow().AddMinutes(1);

        var counted = await host.PostAsync("/api/v1/events/purge", new { before = later, pattern = "old.*", dryRun = true });
        Assert.Equal((2, true), ((int)counted["purged"]!, (bool)counted["dryRun"]!));
        Assert.Equal(2, RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=old.*")).Count);

        Assert.Equal(2, (int)(await host.PostAsync("/api/v1/events/purge", new { before = later, pattern = "old.*" }))["purged"]!);
        Assert.Empty(RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=old.*")));
        Assert.Single(RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=other.*")));
    }
}
