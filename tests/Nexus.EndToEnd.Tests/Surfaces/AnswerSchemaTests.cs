using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>What the routes of the platform answer, by the schemas that the document of the same host states. The validator is not ours.</summary>
public sealed class AnswerSchemaTests
{
    private const string Gatekeeper = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) =>
                plugin.AddAuthentication("gatekeeper", (credentials, _) => ValueTask.FromResult(credentials.ApiKey is { } key ? Authentication.Accept(new SignedIn(new Caller(key, key, [], ["admin"]), "default", "gatekeeper")) : Authentication.NotMine), -1000);
        }
        """;

    /// <summary>What needs another site, a letter, a model, a finished task or a second database.</summary>
    private static readonly string[] Elsewhere = ["GET /api/v1/auth/oauth/{provider}/callback", "GET /api/v1/auth/oauth/{provider}/start", "GET /api/v1/auth/verify-email", "GET /api/v1/services/{name}", "GET /api/v1/tasks/{id}/result", "DELETE /api/v1/tenants/{tenant}/move", "GET /api/v1/tenants/{tenant}/move", "GET /api/v1/tools/approvals/{id}"];

    /// <summary>Answers whatever a caller, a plugin or a task put there.</summary>
    private static readonly string[] Free = ["getDocument", "getSetting", "putSetting", "getTaskResult"];

    [Fact]
    public async Task Every_route_of_the_platform_says_what_it_answers()
    {
        await using var host = await StartAsync();
        var document = await DocumentAsync(host);

        var silent = new List<string>();
        foreach (var (told, operation) in Operations(document))
        {
            foreach (var (status, response) in operation["responses"]!.AsObject().Where(r => r.Key[0] == '2' && r.Key is not ("204" or "205")))
            {
                if (response!["content"] is not JsonObject { Count: > 0 } content || content.Any(media => media.Value!["schema"] is not JsonObject schema || (schema.Count == 0 && !Free.Contains((string?)operation["operationId"]))))
                    silent.Add($"{told} {status}");
            }
        }

        Assert.Equal([], silent);
    }

    [Fact]
    public async Task What_is_answered_fits_the_schemas_and_has_nothing_beside_them()
    {
        var (node, tools) = (ToolProcess.Find("node"), await ForeignTools.FolderAsync());
        await using var host = await StartAsync();
        var document = await DocumentAsync(host);
        var answers = new JsonArray();
        var called = new HashSet<string>(StringComparer.Ordinal);
        var refused = new List<string>();
        string? token = null;

        async Task<JsonNode?> CallAsync(string method, string path, string? body = null, string query = "", params (string Name, string Value)[] values)
        {
            var address = values.Aggregate(path, (text, value) => text.Replace("{" + value.Name + "}", Uri.EscapeDataString(value.Value), StringComparison.Ordinal));
            using var request = new HttpRequestMessage(new HttpMethod(method), address + query) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, method == "PATCH" ? "application/merge-patch+json" : "application/json") };
            request.Headers.Add(token is null ? "X-API-Key" : "Authorization", token is null ? "cid" : "Bearer " + token);
            request.Headers.Add("Accept", "application/json");
            using var answer = await host.Client.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            if (!answer.IsSuccessStatusCode)
            {
                refused.Add($"{method} {address}{query}: {text}");
                return null;
            }

            called.Add($"{method} {path}");
            var type = text.Length == 0 ? null : answer.Content.Headers.ContentType?.MediaType;
            answers.Add(new JsonObject { ["method"] = method, ["path"] = path, ["status"] = (int)answer.StatusCode, ["type"] = type, ["body"] = IsJson(type) ? text : "" });
            return IsJson(type) ? JsonNode.Parse(text) : null;
        }

        // Something of everything, so that lists are not empty.
        var order = await CallAsync("POST", "/api/business/orders/orders", """{"customer":"Ada","sku":"BOOK","quantity":2}""");
        await CallAsync("POST", "/api/business/orders/orders/{id}/attachments", """{"a":1}""", "?name=a.json", ("id", (string)order!["id"]!));
        await CallAsync("GET", "/api/business/orders/orders/{id}/attachments", values: ("id", (string)order["id"]!));
        await CallAsync("POST", "/api/v1/events/streams/{stream}", """{"events":[{"name":"probe.appended","data":{"a":1}}]}""", values: ("stream", "s1"));
        var published = await CallAsync("POST", "/api/v1/events", """{"name":"probe.told","data":{"a":1},"key":"k","headers":{"x":"y"}}""");
        await CallAsync("POST", "/api/v1/events/bulk", """{"events":[{"name":"probe.told"}]}""");
        var group = (string)(await CallAsync("GET", "/api/v1/events/subscribers"))!.AsArray().First(s => (string?)s!["group"] is not null)!["group"]!;
        await CallAsync("POST", "/api/v1/events/replay", $$"""{"group":"{{group}}","dryRun":true}""");
        await CallAsync("POST", "/api/v1/events/dead-letters/replay");
        await CallAsync("POST", "/api/v1/events/purge", """{"before":"2001-01-01T00:00:00Z","dryRun":true}""");
        var webhook = await CallAsync("POST", "/api/v1/events/webhooks", """{"url":"https://example.org/hook","patterns":["probe.*"]}""");
        var hook = (string)webhook!["webhook"]!["id"]!;
        await CallAsync("PATCH", "/api/v1/events/webhooks/{id}", """{"enabled":false}""", values: ("id", hook));
        await CallAsync("POST", "/api/v1/events/webhooks/{id}/rotate", values: ("id", hook));
        var type = (string)(await CallAsync("GET", "/api/v1/tasks/types"))![0]!["name"]!;
        var task = (string)(await CallAsync("POST", "/api/v1/tasks", $$"""{"task":"{{type}}","delaySeconds":3600}"""))!["id"]!;
        await CallAsync("POST", "/api/v1/tasks/{id}/cancel", values: ("id", task));
        await CallAsync("POST", "/api/v1/tasks/{id}/retry", values: ("id", task));
        await CallAsync("DELETE", "/api/v1/tasks/{id}", values: ("id", task));
        await CallAsync("POST", "/api/v1/tasks/retry");
        await CallAsync("PUT", "/api/v1/settings/{name}", """{"a":[1]}""", values: ("name", "probe"));
        await CallAsync("PUT", "/api/v1/config", """{"server":{"requestTimeoutSeconds":null}}""");
        await CallAsync("POST", "/api/v1/config/reload");
        await CallAsync("PUT", "/api/v1/plugins/{id}/config", "{}", values: ("id", "orders"));
        await CallAsync("PUT", "/api/v1/plugins/{id}/permissions", """{"grant":["database.read"]}""", values: ("id", "orders"));
        await CallAsync("POST", "/api/v1/plugins/discover");
        await CallAsync("POST", "/api/v1/plugins/{id}/reload", values: ("id", "orders"));
        await CallAsync("POST", "/api/v1/plugins/{id}/disable", values: ("id", "analytics"));
        await CallAsync("POST", "/api/v1/plugins/{id}/enable", values: ("id", "analytics"));
        await CallAsync("POST", "/api/v1/plugins/{id}/enable", query: "?allNodes", values: ("id", "analytics"));
        await CallAsync("POST", "/api/v1/plugins/broadcast", """{"data":1,"timeout":1}""");
        await CallAsync("POST", "/api/v1/database/query", """{"resource":"orders.orders","limit":5}""");
        await CallAsync("POST", "/api/v1/database/bulk", """{"resource":"orders.orders","operations":[{"op":"insert","data":{"customer":"Bob","sku":"PEN","quantity":1}},{"op":"delete","id":"0190c6f0-0000-7000-8000-000000000001"}]}""");
        await CallAsync("POST", "/api/v1/database/bulk", """{"resource":"orders.orders","operations":[{"op":"insert","data":{"customer":"Bob","sku":"PEN","quantity":1}}]}""");
        await CallAsync("POST", "/api/v1/database/optimize");
        await CallAsync("POST", "/api/v1/security/block-ip", """{"address":"192.0.2.7"}""");
        await CallAsync("PUT", "/api/v1/security/ip-rules", """{"deny":["198.51.100.0/24"]}""");
        await CallAsync("POST", "/api/v1/security/scan");
        await CallAsync("POST", "/api/v1/security/keys/rotate", "{}");
        await CallAsync("POST", "/api/v1/audit/verify");
        var export = (string?)(await CallAsync("POST", "/api/v1/audit/exports", "{}"))?["name"] ?? "";
        await CallAsync("POST", "/api/v1/audit/archive");
        await CallAsync("POST", "/graphql", """{"query":"{ __typename }"}""");
        await CallAsync("POST", "/graphql", """{"query":"{ nothing }"}""");
        var user = (string?)(await CallAsync("POST", "/api/v1/users", """{"username":"ada","email":"ada@example.org","password":"correct horse battery staple","roles":["admin"]}"""))?["id"] ?? "";
        await CallAsync("POST", "/api/v1/roles", """{"name":"probe","permissions":["orders.orders:read:own"]}""");
        await CallAsync("POST", "/api/v1/groups", """{"name":"probe"}""");
        await CallAsync("PUT", "/api/v1/permissions/{name}", """{"effect":"allow","resources":["orders.*"],"actions":["read"],"roles":["probe"]}""", values: ("name", "probe"));
        var signed = await CallAsync("POST", "/api/v1/auth/login", """{"username":"ada","password":"correct horse battery staple"}""");

        // What is the caller's own.
        token = (string?)signed?["access_token"];
        var key = (string?)(await CallAsync("POST", "/api/v1/api-keys", """{"name":"probe"}"""))?["id"] ?? "";
        foreach (var own in new[] { "/api/v1/auth/2fa", "/api/v1/auth/me", "/api/v1/auth/me/preferences", "/api/v1/auth/passkeys", "/api/v1/auth/sessions", "/api/v1/api-keys" })
            await CallAsync("GET", own);
        await CallAsync("GET", "/api/v1/api-keys/{id}", values: ("id", key));
        await CallAsync("GET", "/api/v1/notifications");
        await CallAsync("POST", "/api/v1/notifications/read", "{}");
        token = null;
        await CallAsync("PUT", "/api/v1/ui/views/{resource}", """{"name":"Large","query":"sort=-quantity","default":true}""", values: ("resource", "orders.orders"));
        Assert.True(refused.Count == 0, string.Join('\n', refused));
        var service = (string?)(await CallAsync("GET", "/api/v1/services"))?.AsArray().FirstOrDefault()?["name"];
        foreach (var (told, operation) in Operations(document).Where(o => o.Told.StartsWith("GET ", StringComparison.Ordinal) && !IsStream(o.Operation)))
        {
            var path = told[4..];
            await CallAsync("GET", path, null, "", ("id", IdOf(path)), ("plugin", path.Contains("/streams/", StringComparison.Ordinal) ? "nexus" : path.Contains("/ui/pages/", StringComparison.Ordinal) ? "board" : "analytics"), ("stream", "s1"), ("name", NameOf(path)), ("code", "BAD_REQUEST"), ("path", "core.settings.probe"), ("position", "1"), ("user", user), ("resource", "orders.orders"));
        }
        await CallAsync("DELETE", "/api/v1/ui/views/{resource}", query: "?name=Large", values: ("resource", "orders.orders"));
        await CallAsync("GET", "/api/v1/data/schema", query: "?plugin=orders");
        await CallAsync("GET", "/api/v1/routes", query: "?pipeline");
        await CallAsync("GET", "/api/v1/events/replay", query: "?group=" + Uri.EscapeDataString(group));
        await CallAsync("GET", "/api/v1/search", query: "?q=Ada");
        await CallAsync("GET", "/graphql", query: "?query={__typename}");
        await CallAsync("GET", "/metrics", query: "?resolution=1m");
        await CallAsync("DELETE", "/api/v1/security/block-ip/{address}", values: ("address", "192.0.2.7"));
        await CallAsync("DELETE", "/api/v1/events/webhooks/{id}", values: ("id", hook));
        await CallAsync("DELETE", "/api/v1/settings/{name}", values: ("name", "probe"));
        await CallAsync("DELETE", "/api/v1/cache", query: "?pattern=nothing");

        string IdOf(string path) => path.Split('/').Skip(3).ToArray() switch
        {
            ["plugins", ..] => "orders",
            ["nodes", ..] => "self",
            ["tasks", ..] => task,
            ["users", ..] => user,
            ["events", "webhooks", ..] => hook,
            ["events", ..] => (string)published!["id"]!,
            _ => "none",
        };
        string NameOf(string path) => path.Contains("/services/", StringComparison.Ordinal) ? service ?? "none" : path.Contains("/roles/", StringComparison.Ordinal) ? "admin" : path.Contains("/ui/pages/", StringComparison.Ordinal) ? "overview" : path.Contains("/audit/files/", StringComparison.Ordinal) ? export : "probe";

        var folder = Directory.CreateTempSubdirectory("nexus-answers-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "openapi.json"), document.ToJsonString());
        await File.WriteAllTextAsync(Path.Combine(folder, "answers.json"), answers.ToJsonString());
        var wrong = JsonSerializer.Deserialize<string[]>(await ForeignTools.RunAsync(node, tools, "openapi-answers.mjs", Path.Combine(folder, "openapi.json"), Path.Combine(folder, "answers.json")));
        Directory.Delete(folder, recursive: true);

        Assert.True(wrong!.Length == 0, string.Join('\n', wrong));
        string[] unreached = [.. Operations(document).Where(o => !Elsewhere.Contains(o.Told)).Where(o => o.Told.StartsWith("GET ", StringComparison.Ordinal) && !IsStream(o.Operation)).Select(o => o.Told).Where(told => !called.Contains(told))];
        Assert.True(unreached.Length == 0, string.Join('\n', unreached));
    }

    private static IEnumerable<(string Told, JsonNode Operation)> Operations(JsonNode document) =>
        from path in document["paths"]!.AsObject()
        from method in path.Value!.AsObject()
        where path.Key.StartsWith("/api/v1/", StringComparison.Ordinal) || ((string?)method.Value!["tags"]?[0])?.StartsWith("platform: ", StringComparison.Ordinal) == true
        select ($"{method.Key.ToUpperInvariant()} {path.Key}", method.Value!);

    private static bool IsJson(string? type) => type == "application/json" || type?.EndsWith("+json", StringComparison.Ordinal) == true;

    private static bool IsStream(JsonNode operation) => operation["responses"]?["200"]?["content"]?["text/event-stream"] is not null;

    private static async Task<JsonNode> DocumentAsync(RunningHost host) => JsonNode.Parse(await host.Client.GetStringAsync("/openapi.json"))!;

    private static async Task<RunningHost> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-answers-").FullName;
        var gatekeeper = PluginCompiler.Plugin(Path.Combine(folder, "gatekeeper"), "gatekeeper", "1.0.0", Gatekeeper);
        var host = await RunningHost.StartAsync([gatekeeper, .. Directory.GetDirectories(Programs.Plugins, "core.*"), .. Directory.GetDirectories(Programs.Samples)], ["--plugins:lazy=false"]);
        Directory.Delete(folder, recursive: true);
        return host;
    }
}
