using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Telemetry;

/// <summary>The shipped dashboards and alerts over a real Prometheus that collects from a node with load.</summary>
public sealed partial class DashboardTests
{
    private const string Shop = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.MapEndpoints(routes => routes.MapPost("/go", async (IEvents events) => { await events.PublishAsync(new EventMessage { Name = "chain.begun" }); return "ok"; }));
                plugin.On("chain.begun", async (services, context, stop) => { await services.GetRequiredService<ITasks>().EnqueueAsync("work", stop); });
                plugin.AddTask("work", async (services, context, stop) => { await services.GetRequiredService<ISqlDatabase>().QueryAsync("SELECT 1", null, stop); });
            }
        }
        """;

    private static string Deploy => Path.Combine(Programs.Root, "deploy");

    [Fact]
    public async Task Every_expression_of_every_panel_has_data_and_every_alert_is_evaluated()
    {
        var program = ToolProcess.Find("prometheus");
        var folder = Directory.CreateTempSubdirectory("nexus-dashboards-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "chain"), "chain", "1.0.0", Shop);
        var token = Path.Combine(folder, "token");
        await File.WriteAllTextAsync(token, "a-token-for-metrics-alone");
        await using var host = await RunningHost.StartAsync([plugin, Path.Combine(Programs.Plugins, "core.identity"), Path.Combine(Programs.Plugins, "core.audit")], [$"--metrics:tokenFile={token}", "--security:localAdministrator=true"]);
        using var prometheus = await PrometheusAsync(program, folder, host, token);
        using var client = new HttpClient { BaseAddress = new Uri(prometheus.StartInfo.ArgumentList[^1].Replace("--web.listen-address=", "http://", StringComparison.Ordinal)) };
        try
        {
            var waiting = Expressions();
            Assert.InRange(waiting.Count, 40, 200);
            var clock = Stopwatch.StartNew();
            while (waiting.Count > 0)
            {
                if (clock.Elapsed > TimeSpan.FromSeconds(180)) Assert.Fail($"no data for\n{string.Join('\n', waiting)}\n{await TargetsAsync(client)}");
                using (await host.Client.PostAsync("/api/custom/chain/go", null)) { }
                using (await host.Client.GetAsync("/api/v1/plugins")) { }
                foreach (var expression in waiting.ToList())
                {
                    if (await HasDataAsync(client, expression)) waiting.Remove(expression);
                }

                await Task.Delay(100);
            }

            var rules = JsonNode.Parse(await client.GetStringAsync("/api/v1/rules"))!["data"]!["groups"]!.AsArray().SelectMany(g => g!["rules"]!.AsArray()).ToList();
            Assert.True(rules.Count > 20, $"{rules.Count} rules");
            Assert.DoesNotContain(rules, r => (string)r!["health"]! == "err");
            Assert.Equal([], await UnknownNamesAsync(host, token));
        }
        finally
        {
            prometheus.Kill();
            await prometheus.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task The_rules_and_the_configurations_pass_the_checks_of_their_own_tools()
    {
        var (promtool, amtool) = (ToolProcess.Find("promtool"), ToolProcess.Find("amtool"));
        var folder = Path.Combine(Deploy, "prometheus");

        foreach (var (program, arguments) in new[] { (promtool, new[] { "test", "rules", "nexus.test.yml" }), (promtool, ["check", "rules", "nexus.rules.yml"]), (promtool, ["check", "config", "--syntax-only", "prometheus.yml"]), (amtool, ["check-config", "alertmanager.yml"]) })
        {
            var (code, output, errors) = await ToolProcess.RunAsync(program, arguments, folder);
            Assert.True(code == 0, output + errors);
        }
    }

    private static async Task<Process> PrometheusAsync(string program, string folder, RunningHost host, string token)
    {
        File.Copy(Path.Combine(Deploy, "prometheus", "nexus.rules.yml"), Path.Combine(folder, "nexus.rules.yml"));
        var text = (await File.ReadAllTextAsync(Path.Combine(Deploy, "prometheus", "prometheus.yml"))).Replace("/etc/nexus/metrics.token", token, StringComparison.Ordinal).Replace("15s", "1s", StringComparison.Ordinal)
            .Replace("[\"127.0.0.1:8001\", \"127.0.0.1:8002\", \"127.0.0.1:8003\"]", $"[\"127.0.0.1:{host.Port}\"]", StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(folder, "prometheus.yml"), text);
        var start = new ProcessStartInfo(program, [$"--config.file={folder}/prometheus.yml", $"--storage.tsdb.path={folder}/tsdb", $"--web.listen-address=127.0.0.1:{RunningHost.FreePort()}"]) { RedirectStandardError = true, WorkingDirectory = folder };
        var process = Process.Start(start)!;
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }

    private static List<string> Expressions() =>
        [.. Directory.EnumerateFiles(Path.Combine(Deploy, "grafana"), "*.json").SelectMany(file => JsonNode.Parse(File.ReadAllText(file))!["panels"]!.AsArray()).SelectMany(p => p!["targets"]!.AsArray()).Select(t => (string)t!["expr"]!).Distinct()];

    private static async Task<bool> HasDataAsync(HttpClient client, string expression)
    {
        try
        {
            using var answer = await client.GetAsync("/api/v1/query?query=" + Uri.EscapeDataString(expression));
            // It listens before its storage is open.
            if (answer.StatusCode == System.Net.HttpStatusCode.ServiceUnavailable) return false;
            var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
            Assert.True((string)body["status"]! == "success", $"{expression}: {body}");
            return body["data"]!["result"]!.AsArray().Any(r => (string)r!["value"]![1]! != "NaN");
        }
        catch (Exception error) when (RunningHost.IsAway(error))
        {
            // Prometheus does not listen yet; the loop is bounded.
            return false;
        }
    }

    private static async Task<string> TargetsAsync(HttpClient client) => await client.GetStringAsync("/api/v1/targets");

    /// <summary>Names in the alerts that the node does not write: a renamed metric would leave an alert that never fires.</summary>
    private static async Task<IReadOnlyList<string>> UnknownNamesAsync(RunningHost host, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics") { Headers = { { "Authorization", "Bearer " + await File.ReadAllTextAsync(token) } } };
        using var answer = await host.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        // These appear with the first of what they count, or with what only several nodes have.
        string[] later = ["up", "events_dead_total", "waf_blocks_total", "nexus_breaker_open"];
        return [.. File.ReadLines(Path.Combine(Deploy, "prometheus", "nexus.rules.yml")).Where(l => l.TrimStart().StartsWith("expr:", StringComparison.Ordinal)).SelectMany(l => NamePattern().Matches(l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..]).Select(m => m.Groups[1].Value)).Distinct().Except(later).Where(name => !text.Contains($"\n{name}", StringComparison.Ordinal))];
    }

    [GeneratedRegex(@"\b([a-z]+(?:_[a-z0-9]+)+)\b(?=[{\[ ]|$)(?!\s*\()")]
    private static partial Regex NamePattern();
}
