using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>One declaration, every surface: the same operations by REST, GraphQL, gRPC, tools for models and the command line have the same results, pages and refusals.</summary>
public sealed class SurfaceTests
{
    // Keys are name:role:tenant; owners may do what they like with what is theirs.
    private const string Gatekeeper = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddAuthentication("gatekeeper", (credentials, _) => ValueTask.FromResult((credentials.ApiKey ?? (credentials.Authorization is ['B', 'e', 'a', 'r', 'e', 'r', ' ', .. var token] ? token : null)) is { } key && key.Split(':') is [var name, var role, var tenant]
                    ? Authentication.Accept(new SignedIn(new Caller(name, name, [], [role]), tenant, "gatekeeper")) : Authentication.NotMine), -1000);
                plugin.UseAuthorization((context, permission, _) => ValueTask.FromResult(new AccessDecision((context.Caller.Roles is [var role, ..] ? role : "") switch
                {
                    "boss" => AccessScope.All,
                    "owner" => AccessScope.Own,
                    "reader" => permission.EndsWith(":read") ? AccessScope.All : AccessScope.None,
                    _ => AccessScope.None,
                }, "The gatekeeper decides.")));
            }
        }
        """;

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task Two_hundred_operations_have_the_same_outcome_on_every_surface_also_after_a_swap_that_adds_a_field(string engine)
    {
        Assert.SkipWhen(engine == "postgresql" && PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing ?? "");
        var port = RunningHost.FreePort();
        var folder = Directory.CreateTempSubdirectory("nexus-surfaces-").FullName;
        await using var host = await StartAsync(folder, port, engine);
        var more = "";
        using var grpc = new GrpcSurface(port);
        await using var commands = new CliSurface(host);
        ISurface[] surfaces = [new RestSurface(host), new GraphQLSurface(host, () => more), grpc, new McpSurface(host), commands];
        var different = new List<string>();
        Assert.InRange(Script.Steps.Count(), 200, 400);
        await CompareAsync(Script.Steps, surfaces, different);

        await SwapAsync(host, folder, 2, "Extra");
        more = "extra";
        await CompareAsync(Script.AfterSwap, surfaces, different);

        Assert.True(different.Count == 0, $"{different.Count} outcomes differ\n{string.Join('\n', different)}");
    }

    [Fact]
    public async Task A_hundred_swaps_that_add_a_field_show_at_once_on_every_surface_and_leave_no_old_code()
    {
        const int Swaps = 100;
        var port = RunningHost.FreePort();
        var folder = Directory.CreateTempSubdirectory("nexus-surfaces-").FullName;
        await using var host = await StartAsync(folder, port, "sqlite");
        var more = "";
        using var grpc = new GrpcSurface(port);
        await using var commands = new CliSurface(host);
        ISurface[] surfaces = [new RestSurface(host), new GraphQLSurface(host, () => more), grpc, new McpSurface(host), commands];
        foreach (var surface in surfaces)
            await surface.RunAsync(Script.Steps.First());

        var stale = new List<string>();
        for (var version = 2; version <= Swaps + 1; version++)
        {
            await SwapAsync(host, folder, version, $"Extra{version}");
            more = $"extra{version}";
            foreach (var surface in surfaces)
            {
                var outcome = await surface.RunAsync(new Step("update") { Id = "o1", Body = $$"""{"{{more}}":"new"}""" });
                if (!outcome.Contains($"\"{more}\":\"new\"", StringComparison.Ordinal))
                    stale.Add($"{version} {surface.Name}: {outcome}");
            }
        }

        Assert.Empty(stale);
        var clockOfUnload = System.Diagnostics.Stopwatch.StartNew();
        JsonNode? shop;
        do
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            shop = await GetAsync(host, "/api/v1/plugins/shop");
        }
        while ((int)shop["generationsAlive"]! > 0 && clockOfUnload.Elapsed < TimeSpan.FromSeconds(90));
        Assert.Equal((0, "Active", Swaps + 1), ((int)shop["generationsAlive"]!, (string?)shop["state"], (int)shop["generation"]!));
    }

    [Fact]
    public async Task A_key_serves_on_every_surface_and_once_revoked_on_none()
    {
        var port = RunningHost.FreePort();
        var folder = Directory.CreateTempSubdirectory("nexus-surfaces-").FullName;
        var shop = PluginCompiler.Plugin(Path.Combine(folder, "shop"), "shop", "1.0.0", Script.Shop.Replace("EXTRA", "", StringComparison.Ordinal));
        await using var host = await RunningHost.StartAsync([shop, Path.Combine(Programs.Plugins, "core.identity")], [$"--server:http2Port={port}", "--tools:writes=allow", "--plugins:core.identity:administratorPassword=One-time 4 the first"]);
        var token = (string)(await AskAsync(host, null, HttpMethod.Post, "/login", new { username = "admin", password = "One-time 4 the first" }))["access_token"]!;
        await AskAsync(host, token, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = "One-time 4 the first", new_password = "Correct-Horse-7" });
        var key = await AskAsync(host, token, HttpMethod.Post, "/api/v1/api-keys", new { name = "surfaces", scopes = new[] { "shop.orders:create", "shop.orders:read", "platform.tools:write" } });
        var secret = (string)key["key"]!;
        using var grpc = new GrpcSurface(port) { Token = secret };
        await using var commands = new CliSurface(host) { Token = secret };
        ISurface[] surfaces = [new RestSurface(host) { Token = secret }, new GraphQLSurface(host, () => "") { Token = secret }, grpc, new McpSurface(host) { Token = secret }, commands];
        for (var i = 0; i < surfaces.Length; i++)
        {
            var made = await surfaces[i].RunAsync(new Step("create") { Id = "one", Body = $$"""{"number":"K-{{i}}","customer":"Key","quantity":1}""" });
            Assert.True(made.Contains("\"record\"", StringComparison.Ordinal), $"{surfaces[i].Name}: {made}");
            var changed = await surfaces[i].RunAsync(new Step("delete") { Id = "one" });
            Assert.True(changed == Outcome.Refused("PERMISSION_DENIED", []), $"{surfaces[i].Name}: {changed}");
        }

        await AskAsync(host, token, HttpMethod.Delete, $"/api/v1/api-keys/{key["id"]}", null);

        foreach (var surface in surfaces)
        {
            var refused = await surface.RunAsync(new Step("get") { Id = "one" });
            Assert.True(refused == Outcome.Refused("AUTHENTICATION_REQUIRED", []), $"{surface.Name}: {refused}");
        }
    }

    private static async Task<JsonNode> AskAsync(RunningHost host, string? token, HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null)
            request.Headers.Authorization = new("Bearer", token);
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {(int)answer.StatusCode} {text}");
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }

    private static Task<RunningHost> StartAsync(string folder, int port, string engine) => engine == "sqlite" ? StartAsync(folder, port, [], []) : StartOnPostgreSqlAsync(folder, port);

    private static async Task<RunningHost> StartOnPostgreSqlAsync(string folder, int port) =>
        await StartAsync(folder, port, [Path.Combine(Programs.Plugins, "engines.postgresql")], ["--database:type=postgresql", $"--database:connectionString={await PostgreSqlServer.DatabaseAsync()}"]);

    private static Task<RunningHost> StartAsync(string folder, int port, string[] engines, string[] settings)
    {
        var gatekeeper = PluginCompiler.Plugin(Path.Combine(folder, "gatekeeper"), "gatekeeper", "1.0.0", Gatekeeper);
        var shop = PluginCompiler.Plugin(Path.Combine(folder, "shop"), "shop", "1.0.0", Script.Shop.Replace("EXTRA", "", StringComparison.Ordinal));
        return RunningHost.StartAsync([gatekeeper, shop, .. engines], [$"--server:http2Port={port}", "--tools:writes=allow", "--plugins:unloadLimit=5s", .. settings]);
    }

    private static async Task SwapAsync(RunningHost host, string folder, int version, string field)
    {
        var path = PluginCompiler.Plugin(Path.Combine(folder, $"v{version}"), "shop", $"{version}.0.0", Script.Shop.Replace("EXTRA", $", string? {field} = null", StringComparison.Ordinal));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/plugins/shop/update") { Content = JsonContent.Create(new { path }), Headers = { { "X-API-Key", "bob:boss:default" } } };
        using var updated = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.True(updated.IsSuccessStatusCode, await updated.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<JsonNode> GetAsync(RunningHost host, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "X-API-Key", "bob:boss:default" } } };
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
    }

    private static async Task CompareAsync(IEnumerable<Step> steps, ISurface[] surfaces, List<string> different)
    {
        foreach (var step in steps)
        {
            var outcomes = new List<(string Surface, string Outcome)>();
            foreach (var surface in surfaces)
                outcomes.Add((surface.Name, await surface.RunAsync(step)));
            if (outcomes.Select(o => o.Outcome).Distinct(StringComparer.Ordinal).Count() > 1)
                different.Add($"{step}\n{string.Join('\n', outcomes.Select(o => $"    {o.Surface,-8} {o.Outcome}"))}");
        }
    }
}
