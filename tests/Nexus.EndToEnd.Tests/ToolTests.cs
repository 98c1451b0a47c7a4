using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Tools for models on a host of its own, by the client of the protocol's TypeScript SDK.</summary>
public sealed class ToolTests
{
    private const string Shop = """
        public sealed record Order([property: System.ComponentModel.DataAnnotations.Range(1, 99)] int Number, string Customer, [property: Secret] string? Code = null) : Resource { [ReadOnlyField] public string State { get; init; } = "open"; }
        public sealed record Greeting([property: System.ComponentModel.DataAnnotations.StringLength(20)] string Name, int Times = 1);
        public sealed record Greeted(string Text);
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin
                .AddResource<Order>("orders", orders => orders.Search(o => o.Customer).Action("pay", o => o with { State = "paid" }))
                .AddTool<Greeting, Greeted>("greet", "Greets somebody.", (_, greeting, _) => greeting.Name == "nobody"
                    ? throw new System.InvalidOperationException("secret words")
                    : Task.FromResult(new Greeted($"{greeting.Times} × hello {greeting.Name} by {CallContext.Current.Caller.Name}")));
        }
        """;

    // Uses the tools of others for whoever calls it, as an assistant does.
    private const string Helper = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes =>
            {
                routes.MapGet("/tools", async (ITools tools) => (await tools.ListAsync()).Select(t => $"{t.Name} {t.AdditionalProperties["writes"]}"));
                routes.MapPost("/tools/{name}", async (string name, System.Text.Json.Nodes.JsonObject input, ITools tools) =>
                    await (await tools.ListAsync()).Single(t => t.Name == name).InvokeAsync(new Microsoft.Extensions.AI.AIFunctionArguments(input.ToDictionary(p => p.Key, p => (object?)p.Value))));
                routes.MapGet("/alone", async (ITools tools) =>
                {
                    Task<string> work;
                    using (System.Threading.ExecutionContext.SuppressFlow())
                        work = Task.Run(async () => { try { await tools.ListAsync(); return "listed"; } catch (NexusException e) { return e.Code; } });
                    return new[] { await work };
                });
            });
        }
        """;

    // Keys are name:role; agents may do everything but write by tools without being asked, readers may only read.
    private const string Gatekeeper = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddAuthentication("gatekeeper", (credentials, _) => ValueTask.FromResult(credentials.ApiKey is { } key ? Accept(key.Split(':')) : Authentication.NotMine), -1000);
                plugin.UseAuthorization((context, permission, _) => ValueTask.FromResult(new AccessDecision(Scope(context.Caller.Roles is [var role, ..] ? role : "", permission), "The gatekeeper decides.")));
            }

            private static AccessScope Scope(string role, string permission) => role switch
            {
                "boss" or "person" => AccessScope.All,
                "agent" => permission.StartsWith("platform.tools:") ? permission.EndsWith(":approve") ? AccessScope.Own : AccessScope.None : AccessScope.All,
                "reader" => permission.EndsWith(":read") ? AccessScope.All : AccessScope.None,
                _ => AccessScope.None,
            };

            private static Authentication Accept(string[] key) => Authentication.Accept(new SignedIn(new Caller(key[0], key[0], [], [key[1]]), "default", "gatekeeper") { SessionId = key[1] == "person" ? "s1" : null });
        }
        """;

    [Fact]
    public async Task A_foreign_client_lists_tools_with_sound_schemas_and_reads_and_writes_with_them()
    {
        await using var host = await StartAsync();
        var found = await StepsAsync(host, "bob:boss", """
            [["server"],["tools"],
             ["call","shop_orders_create",{"number":7,"customer":"Ada Lovelace","code":"sesame"}],
             ["call","shop_orders_list",{"q":"lovelace","filter":{"number":{"$gte":7}},"sort":"-number","count":true}],
             ["call","shop_orders_create",{"number":700,"customer":"x"}],
             ["call","shop_orders_create",{"number":7,"customer":"x","colour":"red"}],
             ["call","shop_orders_list",{"filter":{"nope":1}}],
             ["call","shop_orders_get",{"id":"00000000-0000-0000-0000-000000000000"}],
             ["call","nothing",{}],
             ["call","shop_greet",{"name":"Ada"}],
             ["call","shop_greet",{"name":"a name of more than twenty letters"}],
             ["call","shop_greet",{"name":"nobody"}],
             ["resources"],["read","nexus://shop.orders"],["read","nexus://shop.orders/none"],["prompts"],["prompt","find",{"question":"Who?"}]]
            """);

        Assert.Equal("nexus", (string?)found[0]["name"]);
        var tools = found[1].AsArray().Where(t => ((string)t!["name"]!).StartsWith("shop_", StringComparison.Ordinal)).Select(t => $"{t!["name"]} {t["readOnly"]} {t["destructive"]} [{string.Join(',', t["required"]!.AsArray())}]");
        Assert.Equal(["shop_greet true false [name]", "shop_orders_create false false [number,customer]", "shop_orders_delete false true [id]", "shop_orders_get true false [id]", "shop_orders_list true false []", "shop_orders_pay false true [id]", "shop_orders_update false true [id,changes]"], tools);
        var created = found[2]["structuredContent"]!;
        Assert.Equal((7, "open", null), ((int)created["number"]!, (string?)created["state"], (string?)created["code"]));
        Assert.Equal((1, 1, (string)created["id"]!), ((int)found[3]["structuredContent"]!["total"]!, found[3]["structuredContent"]!["items"]!.AsArray().Count, (string)found[3]["structuredContent"]!["items"]![0]!["id"]!));
        Assert.Equal(("VALIDATION_ERROR", "/number"), Fault(found[4]));
        Assert.Equal(("VALIDATION_ERROR", "/colour"), Fault(found[5]));
        Assert.Equal("FILTER_INVALID", Fault(found[6]).Code);
        Assert.Equal("RESOURCE_NOT_FOUND", Fault(found[7]).Code);
        Assert.Equal(-32602, (int)found[8]["code"]!);
        Assert.Equal("1 × hello Ada by bob", (string?)found[9]["structuredContent"]!["text"]);
        Assert.Equal(("VALIDATION_ERROR", "/name"), Fault(found[10]));
        Assert.Equal(("INTERNAL_ERROR", false), (Fault(found[11]).Code, found[11].ToJsonString().Contains("secret words", StringComparison.Ordinal)));
        Assert.Equal(["nexus://shop.orders", "nexus://shop.orders/{id}"], found[12].AsArray().Select(u => (string)u!).Where(u => u.Contains("shop", StringComparison.Ordinal)));
        Assert.Contains("Ada Lovelace", (string?)found[13][0]!["text"], StringComparison.Ordinal);
        Assert.DoesNotContain("sesame", string.Join('\n', found.Select(f => f.ToJsonString())), StringComparison.Ordinal);
        Assert.Equal(-32002, (int)found[14]["code"]!);
        Assert.Equal(["explore", "find"], found[15].AsArray().Select(p => (string)p!));
        Assert.Contains("Who?", found[16][0]!["content"]!["text"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_waits_until_a_person_approved_the_exact_call_and_happens_once()
    {
        await using var host = await StartAsync();
        const string call = """["call","shop_orders_create",{"number":7,"customer":"Ada"}]""";
        var asked = (await StepsAsync(host, "eve:agent", $"[{call},{call}]"))[1]["structuredContent"]!;
        var id = (string)asked["approval"]!;

        Assert.Equal((false, "waiting"), ((bool)asked["done"]!, (string?)asked["state"]));
        Assert.Equal(0, await OrdersAsync(host));
        Assert.Equal(HttpStatusCode.Forbidden, await DecideAsync(host, id, "approve", "eve:agent"));
        Assert.Equal(HttpStatusCode.NotFound, await DecideAsync(host, new string('0', 32), "approve", "ann:person"));
        var shown = await GetAsync(host, $"/api/v1/tools/approvals/{id}", "ann:person");
        Assert.Equal("""{"customer":"Ada","number":7}""", shown["arguments"]!.ToJsonString());
        Assert.Equal(HttpStatusCode.OK, await DecideAsync(host, id, "approve", "ann:person"));
        Assert.Equal(HttpStatusCode.Conflict, await DecideAsync(host, id, "deny", "ann:person"));

        var results = await StepsAsync(host, "eve:agent", $$"""[["call","shop_orders_create",{"number":8,"customer":"Ada"}],{{call}},{{call}}]""");

        Assert.Equal("waiting", (string?)results[0]["structuredContent"]!["state"]);
        Assert.Equal(7, (int)results[1]["structuredContent"]!["number"]!);
        Assert.Equal("waiting", (string?)results[2]["structuredContent"]!["state"]);
        Assert.Equal(1, await OrdersAsync(host));
        Assert.Equal(HttpStatusCode.OK, await DecideAsync(host, (string)results[0]["structuredContent"]!["approval"]!, "deny", "ann:person"));
        var denied = (await StepsAsync(host, "eve:agent", """[["call","shop_orders_create",{"number":8,"customer":"Ada"}]]"""))[0];
        Assert.Equal("denied", (string?)denied["structuredContent"]!["state"]);
        Assert.Equal(1, await OrdersAsync(host));
    }

    [Fact]
    public async Task Who_may_only_read_sees_and_runs_tools_that_read_and_a_stranger_none()
    {
        await using var host = await StartAsync();
        var reader = await StepsAsync(host, "rae:reader", """[["tools"],["call","shop_orders_create",{"number":7,"customer":"Ada"}]]""");
        var stranger = await StepsAsync(host, "zoe:nobody", """[["tools"],["call","shop_orders_list",{}],["resources"],["read","nexus://shop.orders"]]""");

        Assert.Equal(["shop_orders_get", "shop_orders_list"], reader[0].AsArray().Select(t => (string)t!["name"]!));
        Assert.Equal("PERMISSION_DENIED", Fault(reader[1]).Code);
        Assert.Equal(("[]", "PERMISSION_DENIED", "[]", -32002), (stranger[0].ToJsonString(), Fault(stranger[1]).Code, stranger[2].ToJsonString(), (int)stranger[3]["code"]!));
    }

    [Fact]
    public async Task A_plugin_uses_the_tools_of_others_as_functions_of_its_caller()
    {
        await using var host = await StartAsync();
        var of = new Func<string, string, JsonObject?, Task<JsonNode>>(async (key, path, input) =>
        {
            using var request = new HttpRequestMessage(input is null ? HttpMethod.Get : HttpMethod.Post, "/api/custom/helper/" + path) { Headers = { { "X-API-Key", key } }, Content = input is null ? null : JsonContent.Create(input) };
            using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
            return JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        });
        var input = new JsonObject { ["number"] = 7, ["customer"] = "Ada" };
        var listed = await of("bob:boss", "tools", null);
        var created = await of("bob:boss", "tools/shop_orders_create", input);
        var asked = await of("eve:agent", "tools/shop_orders_create", input);
        var greeted = await of("eve:agent", "tools/shop_greet", new JsonObject { ["name"] = "Ada", ["times"] = 2 });

        Assert.Equal(["shop_greet False", "shop_orders_create True", "shop_orders_delete True", "shop_orders_get False", "shop_orders_list False", "shop_orders_pay True", "shop_orders_update True"], listed.AsArray().Select(t => (string)t!).Where(t => t.StartsWith("shop", StringComparison.Ordinal)));
        Assert.Equal((7, false, "2 × hello Ada by eve"), ((int)created["number"]!, (bool)asked["done"]!, (string?)greeted["text"]));
        Assert.Equal(1, await OrdersAsync(host));
        Assert.Equal("VALIDATION_ERROR", (string?)(await of("bob:boss", "tools/shop_orders_create", new JsonObject { ["number"] = 700, ["customer"] = "x" }))["code"]);
        Assert.Equal("AUTHENTICATION_REQUIRED", (string?)(await of("bob:boss", "alone", null))[0]);
    }

    [Fact]
    public async Task The_command_line_serves_the_protocol_over_standard_input_and_decides_approvals()
    {
        // Without a gatekeeper the callers of this machine are its administrator, in development.
        var folder = Directory.CreateTempSubdirectory("nexus-tools-").FullName;
        await using var host = await RunningHost.StartAsync([PluginCompiler.Plugin(Path.Combine(folder, "shop"), "shop", "1.0.0", Shop)], ["--server:accessLog=false"]);
        var program = new JsonArray(Programs.Cli, "mcp", "--url", host.Address.ToString()).ToJsonString();
        var output = await ForeignTools.RunAsync("node", await ForeignTools.FolderAsync(), "mcp.mjs", program, "", """[["server"],["call","shop_orders_create",{"number":7,"customer":"Ada"}],["call","shop_orders_list",{}]]""");
        var found = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToArray();

        Assert.Equal("nexus", (string?)found[0]["name"]);
        Assert.Equal("Ada", (string?)found[2]["structuredContent"]!["items"]![0]!["customer"]);
        var (code, listed, _) = await Programs.CliAsync(host, "tool", "list");
        Assert.Equal(0, code);
        Assert.Contains("shop_orders_pay", listed, StringComparison.Ordinal);
        (code, _, var errors) = await Programs.CliAsync(host, "tool", "approve", "nothing");
        Assert.Equal(1, code);
        Assert.Contains("There is no approval nothing that waits", errors, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("""{"jsonrpc":"2.0","id":1}""", 400)]
    [InlineData("""[1,2]""", 400)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"tools/call"}""", 200)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shop_orders_list","arguments":7}}""", 200)]
    [InlineData("""{"jsonrpc":"2.0","id":1,"method":"none"}""", 200)]
    [InlineData("""{"jsonrpc":"2.0","method":"notifications/initialized"}""", 202)]
    [InlineData("{", 400)]
    public async Task Malformed_messages_are_answered_with_the_protocols_error(string message, int status)
    {
        await using var host = await StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/mcp") { Content = new StringContent(message, System.Text.Encoding.UTF8, "application/json"), Headers = { { "X-API-Key", "bob:boss" }, { "Accept", "application/json, text/event-stream" } } };
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.True(status != 200 || text.Contains("\"error\"", StringComparison.Ordinal), text);
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_swap_that_adds_a_field_is_seen_by_the_next_call_and_leaves_no_old_code()
    {
        await using var host = await StartAsync("--plugins:unloadLimit=5s");
        var folder = Directory.CreateTempSubdirectory("nexus-tools-").FullName;
        for (var version = 2; version <= 6; version++)
        {
            var path = PluginCompiler.Plugin(Path.Combine(folder, $"v{version}"), "shop", $"{version}.0.0", Shop.Replace("string? Code = null", $"string? Code = null, string? Extra{version} = null", StringComparison.Ordinal));
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/plugins/shop/update") { Content = JsonContent.Create(new { path }), Headers = { { "X-API-Key", "bob:boss" } } };
            using var updated = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.True(updated.IsSuccessStatusCode, await updated.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            var created = (await StepsAsync(host, "bob:boss", $$"""[["call","shop_orders_create",{"number":{{version}},"customer":"Ada","extra{{version}}":"new"}]]"""))[0];
            Assert.Equal("new", (string?)created["structuredContent"]![$"extra{version}"]);
        }

        for (var turn = 0; (int)(await GetAsync(host, "/api/v1/plugins/shop", "bob:boss"))["generationsAlive"]! != 0; turn++)
        {
            Assert.True(turn < 600, "an old generation stays");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Directory.Delete(folder, recursive: true);
    }

    private static (string? Code, string? Pointer) Fault(JsonNode result)
    {
        Assert.True((bool)result["isError"]!, result.ToJsonString());
        return ((string?)result["structuredContent"]!["code"], (string?)result["structuredContent"]!["errors"]!.AsArray().FirstOrDefault()?["pointer"]);
    }

    private static async Task<RunningHost> StartAsync(params string[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-tools-").FullName;
        var shop = PluginCompiler.Plugin(Path.Combine(folder, "shop"), "shop", "1.0.0", Shop);
        var helper = PluginCompiler.Plugin(Path.Combine(folder, "helper"), "helper", "1.0.0", Helper);
        var gatekeeper = PluginCompiler.Plugin(Path.Combine(folder, "gatekeeper"), "gatekeeper", "1.0.0", Gatekeeper, manifest => manifest["category"] = "core");
        var host = await RunningHost.StartAsync([shop, helper, gatekeeper], ["--server:accessLog=false", .. settings]);
        Directory.Delete(folder, recursive: true);
        return host;
    }

    private static async Task<JsonNode[]> StepsAsync(RunningHost host, string key, string steps)
    {
        var output = await ForeignTools.RunAsync("node", await ForeignTools.FolderAsync(), "mcp.mjs", new Uri(host.Address, "/mcp").ToString(), key, JsonNode.Parse(steps)!.ToJsonString());
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
    }

    private static async Task<int> OrdersAsync(RunningHost host) => (await GetAsync(host, "/api/custom/shop/orders", "bob:boss")).AsArray().Count;

    private static async Task<JsonNode> GetAsync(RunningHost host, string path, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "X-API-Key", key } } };
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
    }

    private static async Task<HttpStatusCode> DecideAsync(RunningHost host, string id, string verb, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/tools/approvals/{id}/{verb}") { Headers = { { "X-API-Key", key } } };
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }
}
