using System.Net;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>Tasks of a sample, by the command line and over restarts of the process.</summary>
public sealed class TaskTests
{
    private static string Analytics => Path.Combine(Programs.Samples, "analytics");

    [Fact]
    public async Task The_command_line_runs_a_task_and_shows_its_result_log_and_schedule()
    {
        await using var host = await RunningHost.StartAsync(Analytics);

        var run = await Programs.CliAsync(host, "tasks", "run", "analytics.nightly-report", """{"day":"2026-01-31"}""", "--wait", "--json");
        Assert.True(run.ExitCode == 0, $"{run.Output}\n{run.Errors}\n{host.Log}");
        var done = JsonNode.Parse(run.Output)!;
        Assert.Equal(("SUCCESS", "2026-01-31", 0), ((string?)done["state"], (string?)done["result"]!["day"], (int)done["result"]!["registrations"]!));

        Assert.Contains("0 registrations", (await Programs.CliAsync(host, "tasks", "logs", (string)done["id"]!)).Output, StringComparison.Ordinal);
        Assert.EndsWith("SUCCESS\n", (await Programs.CliAsync(host, "tasks", "logs", "-f", (string)done["id"]!)).Output, StringComparison.Ordinal);
        Assert.Contains("analytics.nightly-report", (await Programs.CliAsync(host, "tasks", "list", "--state", "SUCCESS")).Output, StringComparison.Ordinal);
        Assert.Contains("Counts the registrations", (await Programs.CliAsync(host, "tasks", "types")).Output, StringComparison.Ordinal);
        Assert.Contains("T02:00:00", (await Programs.CliAsync(host, "tasks", "schedules")).Output, StringComparison.Ordinal);
        Assert.Equal(64, (await Programs.CliAsync(host, "tasks", "run", "analytics.nightly-report", "{")).ExitCode);
        var unknown = await Programs.CliAsync(host, "tasks", "run", "analytics.none");
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("TASK_UNKNOWN", unknown.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_brings_tasks_for_its_own_care_and_one_to_try_workers_with()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"));

        var long1 = await RunAsync("long_running_task", """{"seconds":0.2,"steps":4}""");
        var index = await RunAsync("index_documents", """{"resource":"orders.orders"}""");
        var care = await RunAsync("system_maintenance", "null");
        var refused = await Programs.CliAsync(host, "tasks", "run", "core.maintenance.long_running_task", """{"seconds":4000}""", "--wait", "--json");

        Assert.Equal((100d, "step 4 of 4"), ((double)long1["percent"]!, (string?)long1["step"]));
        Assert.Contains("orders.orders is indexed anew", await LogAsync(index), StringComparison.Ordinal);
        Assert.Contains("No index was missing", await LogAsync(care), StringComparison.Ordinal);
        Assert.Contains("seconds are 0 to 3600", refused.Output + refused.Errors, StringComparison.Ordinal);

        async Task<JsonNode> RunAsync(string task, string input)
        {
            var run = await Programs.CliAsync(host, "tasks", "run", "core.maintenance." + task, input, "--wait", "--json");
            Assert.True(run.ExitCode == 0, $"{run.Output}\n{run.Errors}\n{host.Log}");
            return JsonNode.Parse(run.Output)!;
        }

        async Task<string> LogAsync(JsonNode task) => (await Programs.CliAsync(host, "tasks", "logs", (string)task["id"]!)).Output;
    }

    [Fact]
    public async Task A_node_without_worker_leaves_its_tasks_to_a_worker_that_serves_no_plugin_and_results_outlive_both()
    {
        await using var host = await RunningHost.StartAsync([Analytics], ["--no-worker"]);
        var asked = await host.PostAsync("/api/v1/tasks", new { task = "analytics.nightly-report", input = new { day = "2026-02-01" } });
        var later = await host.PostAsync("/api/v1/tasks", new { task = "analytics.nightly-report", delaySeconds = 3600 });
        await Task.Delay(500);
        Assert.Equal("PENDING", (string?)(await host.GetAsync($"/api/v1/tasks/{asked["id"]}"))["state"]);
        Assert.Empty(RunningHost.Rows(await host.GetAsync("/api/v1/workers")));

        await host.RestartAsync("--node:roles:0=worker");
        await host.UntilAsync($"/api/v1/tasks/{asked["id"]}", task => (string?)task["state"] == "SUCCESS");
        Assert.Single(RunningHost.Rows(await host.UntilAsync("/api/v1/workers", workers => workers.AsArray().Count > 0)));
        using (var served = await host.Client.GetAsync("/api/analytics/analytics/registrations"))
            Assert.Equal(HttpStatusCode.NotFound, served.StatusCode);

        await host.RestartAsync("--no-worker");
        Assert.Equal("2026-02-01", (string?)(await host.GetAsync($"/api/v1/tasks/{asked["id"]}/result"))["day"]);
        Assert.Equal("PENDING", (string?)(await host.GetAsync($"/api/v1/tasks/{later["id"]}"))["state"]);
        using (var cancelled = await host.Client.DeleteAsync($"/api/v1/tasks/{later["id"]}"))
            Assert.True(cancelled.IsSuccessStatusCode);
        Assert.Equal("CANCELLED", (string?)(await host.GetAsync($"/api/v1/tasks/{later["id"]}"))["state"]);
        using var served2 = await host.Client.GetAsync("/api/analytics/analytics/registrations");
        Assert.Equal(HttpStatusCode.OK, served2.StatusCode);
    }

    [Fact]
    public async Task A_task_in_the_middle_of_a_kill_is_done_by_the_next_process()
    {
        await using var host = await RunningHost.StartAsync([Analytics], ["--tasks:lease=5s"]);
        var ids = new List<string>();
        for (var day = 1; day <= 20; day++)
            ids.Add((string)(await host.PostAsync("/api/v1/tasks", new { task = "analytics.nightly-report", input = new { day = $"2026-03-{day:00}" } }))["id"]!);

        await host.KillAndRestartAsync();

        foreach (var id in ids)
            await host.UntilAsync($"/api/v1/tasks/{id}", task => (string?)task["state"] == "SUCCESS");
    }
}
