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
        var gatekeeper = PluginCompiler.Plugin(Path.Combine(folder, "gatekeeper"), "gatekeeper", "1.0.0", Gatekeeper);
        var shop = PluginCompiler.Plugin(Path.Combine(folder, "shop"), "shop", "1.0.0", Script.Shop.Replace("EXTRA", "", StringComparison.Ordinal));
        string[] settings = [$"--server:http2Port={port}", "--tools:writes=allow", "--plugins:unloadLimit=5s"];
        await using var host = engine == "sqlite"
            ? await RunningHost.StartAsync([gatekeeper, shop], settings)
            : await RunningHost.StartAsync([gatekeeper, shop, Path.Combine(Programs.Plugins, "engines.postgresql")], [.. settings, "--database:type=postgresql", $"--database:connectionString={await PostgreSqlServer.DatabaseAsync()}"]);
        var more = "";
        using var grpc = new GrpcSurface(port);
        await using var commands = new CliSurface(host);
        ISurface[] surfaces = [new RestSurface(host), new GraphQLSurface(host, () => more), grpc, new McpSurface(host), commands];
        var different = new List<string>();
        Assert.InRange(Script.Steps.Count(), 200, 400);
        await CompareAsync(Script.Steps, surfaces, different);

        var swapped = PluginCompiler.Plugin(Path.Combine(folder, "v2"), "shop", "2.0.0", Script.Shop.Replace("EXTRA", ", string? Extra = null", StringComparison.Ordinal));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/plugins/shop/update") { Content = JsonContent.Create(new { path = swapped }), Headers = { { "X-API-Key", "bob:boss:default" } } };
        using var updated = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.True(updated.IsSuccessStatusCode, await updated.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        more = "extra";
        await CompareAsync(Script.AfterSwap, surfaces, different);

        Assert.True(different.Count == 0, $"{different.Count} outcomes differ\n{string.Join('\n', different)}");
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
