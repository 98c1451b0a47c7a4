using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>The events of the platform itself: each is told by its trigger, and those that happen all the time only while somebody listens.</summary>
public sealed class SystemEventTests
{
    private const string First = "One-time 4 the first";
    private const string Password = "Correct-Horse-7";

    private const string Source = """"
        public sealed record Thing(string Name) : Resource;
        public sealed class ThePlugin : IPlugin
        {
            private static readonly List<string> Seen = [];
            public void Configure(IPluginBuilder plugin)
            {
                foreach (var pattern in (string[])[PATTERNS])
                {
                    plugin.On(pattern, async (services, context, _) =>
                    {
                        lock (Seen) Seen.Add($"{context.Message.Name} {System.Text.Encoding.UTF8.GetString(context.Message.Data.Span)}");
                        // Would tell of itself for ever, if it were told.
                        if (context.Message.Name == "database.query") await services.GetRequiredService<ISqlDatabase>().QueryAsync("SELECT 4711 AS recursion");
                    }, handler => handler with { Durable = false });
                }

                plugin.On("system.*", (_, _) => Task.CompletedTask)
                    .On("probe.letter", (_, _) => throw new RuleViolationException("nobody is at home"), handler => handler with { MaxAttempts = 1 })
                    .AddResource<Thing>("things")
                    .AddTask("noted", (_, _) => Task.CompletedTask)
                    .MapEndpoints(routes =>
                    {
                        routes.MapGet("/seen", () => { lock (Seen) return Results.Json(Seen.ToArray()); });
                        routes.MapGet("/failing", (HttpContext _) => { throw new InvalidOperationException("secret text"); });
                        routes.MapGet("/query", async (ISqlDatabase sql) => await sql.QueryAsync("SELECT 815 AS once"));
                    });
            }
        }
        """";

    [Fact]
    public async Task Each_is_told_by_its_trigger_to_who_listens_by_its_name()
    {
        await using var host = await StartAsync("\"http.*\", \"database.*\", \"data.*\", \"task.*\", \"system.*\", \"user.*\", \"auth.*\", \"plugin.*\", \"event.*\"", Path.Combine(Programs.Plugins, "core.identity"));
        var admin = (string)(await SendAsync(host, null, HttpMethod.Post, "/login", new { username = "admin", password = First }))["access_token"]!;
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        var thing = await SendAsync(host, admin, HttpMethod.Post, "/api/custom/probe/things", new { name = "one" });
        await SendAsync(host, admin, HttpMethod.Patch, $"/api/custom/probe/things/{thing["id"]}", new { name = "two" });
        await SendAsync(host, admin, HttpMethod.Delete, $"/api/custom/probe/things/{thing["id"]}");
        await SendAsync(host, admin, HttpMethod.Get, "/api/custom/probe/failing");
        await SendAsync(host, admin, HttpMethod.Get, "/api/custom/probe/query");
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/tasks", new { task = "probe.noted" });
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/database/optimize");
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/events", new { name = "probe.letter", data = new { } });
        var user = await SendAsync(host, admin, HttpMethod.Post, "/api/v1/users", new { username = "ada", password = Password, roles = Array.Empty<string>() });
        await SendAsync(host, admin, HttpMethod.Patch, $"/api/v1/users/{user["id"]}", new { disabled = true });
        await SendAsync(host, admin, HttpMethod.Delete, $"/api/v1/users/{user["id"]}");
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/plugins", new { path = PluginCompiler.Plugin(Path.Combine(host.Folder, "hello"), "hello", "1.0.0", PluginCompiler.Answering("one")) });
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/plugins/hello/disable");
        await SendAsync(host, admin, HttpMethod.Post, "/api/v1/plugins/hello/enable");
        var other = (string)(await SendAsync(host, null, HttpMethod.Post, "/login", new { username = "admin", password = Password }))["access_token"]!;
        await SendAsync(host, other, HttpMethod.Post, "/api/v1/auth/logout");

        string[] expected =
        [
            "system.startup", "system.started", "system.maintenance", "system.error", "event.dead", "database.connection", "database.query", "data.created", "data.updated", "data.deleted", "task.completed",
            "http.request.started", "http.request.completed", "http.request.failed", "user.created", "user.updated", "user.deleted", "user.login", "user.logout", "auth.login", "auth.logout",
            "plugin.installed", "plugin.loaded", "plugin.disabled", "plugin.unloaded", "plugin.enabled",
        ];
        var seen = new List<string>();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (expected.Except(seen.Select(s => s.Split(' ')[0])).Any() && !patience.IsCancellationRequested)
            seen = [.. (await SendAsync(host, admin, HttpMethod.Get, "/api/custom/probe/seen")).AsArray().Select(s => (string)s!)];
        Assert.Empty(expected.Except(seen.Select(s => s.Split(' ')[0])));
        Assert.Contains(seen, s => s.StartsWith("http.request.failed", StringComparison.Ordinal) && s.Contains("\"status\":500", StringComparison.Ordinal) && s.Contains("/failing", StringComparison.Ordinal));
        Assert.Contains(seen, s => s.StartsWith("data.deleted", StringComparison.Ordinal) && s.Contains($"{thing["id"]}", StringComparison.Ordinal) && s.Contains("\"resource\":\"probe.things\"", StringComparison.Ordinal));
        Assert.Contains(seen, s => s.StartsWith("database.query", StringComparison.Ordinal) && s.Contains("once", StringComparison.Ordinal));
        Assert.Contains(seen, s => s.StartsWith("event.dead", StringComparison.Ordinal) && s.Contains("\"name\":\"probe.letter\"", StringComparison.Ordinal) && !s.Contains("nobody is at home", StringComparison.Ordinal));
        Assert.DoesNotContain(seen, s => s.Contains("recursion", StringComparison.Ordinal) || s.Contains("secret text", StringComparison.Ordinal) || s.Contains(Password, StringComparison.Ordinal));
        await host.RestartAsync();
        List<string> told = [];
        using var started = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        // It is ready a moment before it says that it has started.
        while (told.Count(t => t.StartsWith("system.started", StringComparison.Ordinal)) < 2 && !started.IsCancellationRequested)
            told = [.. (await SendAsync(host, admin, HttpMethod.Get, "/api/v1/events?pattern=system.*&limit=1000")).AsArray().Select(e => $"{e!["name"]} {e["publisher"]}")];
        Assert.Equal(["system.startup nexus", "system.started nexus", "system.maintenance nexus", "system.shutting_down nexus", "system.shutdown nexus", "system.startup nexus", "system.started nexus"], told);
    }

    [Fact]
    public async Task Requests_and_queries_are_told_to_nobody_who_does_not_ask_for_them_by_name()
    {
        await using var host = await StartAsync("\"*\"");
        await host.GetAsync("/api/custom/probe/query");
        await host.PostAsync("/api/custom/probe/things", new { name = "one" });

        await host.UntilAsync("/api/custom/probe/seen", s => s.AsArray().Any(e => ((string)e!).StartsWith("probe.things.created", StringComparison.Ordinal)));
        var names = (await host.GetAsync("/api/v1/events/stats"))["byName"]!.AsObject().Select(n => n.Key).ToList();

        Assert.Contains("probe.things.created", names);
        Assert.DoesNotContain(names, n => n.StartsWith("http.", StringComparison.Ordinal) || n is "database.query" or "data.created");
    }

    private static async Task<RunningHost> StartAsync(string patterns, params string[] more)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-probe-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "probe"), "probe", "1.0.0", Source.Replace("PATTERNS", patterns, StringComparison.Ordinal));
        var host = await RunningHost.StartAsync([plugin, .. more], [$"--plugins:core.identity:administratorPassword={First}"]);
        Directory.Delete(folder, recursive: true);
        return host;
    }

    private static async Task<JsonNode> SendAsync(RunningHost host, string? token, HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return text.Length == 0 || text[0] is not ('{' or '[') ? new JsonObject() : JsonNode.Parse(text)!;
    }
}
