using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;
using Nexus.Tests.Shared;

namespace Nexus.Gateway.Tests.OpenApi;

public sealed class Open_api
{
    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];

    [Fact]
    public async Task Every_operation_is_complete_and_every_reference_resolves()
    {
        await using var host = await StartAsync();

        var document = await DocumentAsync(host);

        Assert.Equal("3.1.0", document["openapi"]!.GetValue<string>());
        var ids = new HashSet<string>();
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            Assert.StartsWith("/", path, StringComparison.Ordinal);
            foreach (var (method, operation) in item!.AsObject())
            {
                Assert.Contains(method, Methods);
                Assert.True(ids.Add(operation!["operationId"]!.GetValue<string>()), $"{method} {path}: operationId twice");
                Assert.NotEqual("", operation["summary"]!.GetValue<string>());
                Assert.NotEmpty(operation["tags"]!.AsArray());
                Assert.NotNull(operation["responses"]!["default"]);
                var named = (operation["parameters"]?.AsArray() ?? []).Where(p => p!["in"]?.GetValue<string>() == "path").Select(p => p!["name"]!.GetValue<string>());
                var written = System.Text.RegularExpressions.Regex.Matches(path, @"\{(\w+)\}").Select(m => m.Groups[1].Value);
                Assert.Equal(written.Order(), named.Order());
            }
        }
        foreach (var reference in References(document))
            Assert.NotNull(reference[2..].Split('/').Aggregate((JsonNode?)document, (at, part) => at?[part]));
    }

    [Fact]
    public async Task A_resource_has_its_routes_and_a_schema_without_secrets()
    {
        await using var host = await StartAsync();

        var document = await DocumentAsync(host);
        var invoice = document["components"]!["schemas"]!["BillingInvoice"]!["properties"]!.AsObject();
        var input = document["components"]!["schemas"]!["BillingInvoiceInput"]!;

        Assert.Equal(["delete", "get", "patch", "put"], document["paths"]![Invoices.Path + "/{id}"]!.AsObject().Select(m => m.Key).Order());
        Assert.Equal(["delete", "patch", "post", "put"], document["paths"]![Invoices.Path + "/batch"]!.AsObject().Select(m => m.Key).Order());
        Assert.NotNull(document["paths"]![Invoices.Path + "/{id}/actions/pay"]!["post"]);
        Assert.Equal("sample.billing.invoices:pay", (string?)document["paths"]![Invoices.Path + "/batch/actions/pay"]!["post"]!["x-permission"]);
        Assert.False(invoice.ContainsKey("pin"));
        Assert.Equal("""{"type":"string","maxLength":20}""", invoice["number"]!.ToJsonString());
        Assert.Equal("""["number"]""", input["required"]!.ToJsonString());
        Assert.False(input["properties"]!.AsObject().ContainsKey("status"));
        Assert.True(input["properties"]!["pin"]!["writeOnly"]!.GetValue<bool>());
    }

    [Fact]
    public async Task A_plugins_own_operation_is_taken_over()
    {
        await using var host = await StartAsync();

        var operation = (await DocumentAsync(host))["paths"]!["/api/custom/probe/{name}"]!["get"]!;

        Assert.Equal("SampleProbe_greet", operation["operationId"]!.GetValue<string>());
        Assert.Equal("text/plain", operation["responses"]!["200"]!["content"]!.AsObject().Single().Key);
    }

    [Fact]
    public async Task An_object_with_the_name_of_a_type_is_one_schema_wherever_it_stands()
    {
        const string Node = """{"title":"Branch","type":"object","required":["name"],"properties":{"name":{"title":"What it is called","type":"string"},"twigs":{"type":"array","items":{"$ref":"#/components/schemas/SampleProbeBranch"}}}}""";
        var other = Node.Replace("\"object\"", "[\"object\",\"null\"]", StringComparison.Ordinal);
        var different = Node.Replace("twigs", "leaves", StringComparison.Ordinal);
        await using var host = await GatewayHost.StartAsync();
        var probe = FakePlugins.Plugin("sample.probe", null, ("GET", "/one", c => c.Response.WriteAsync("{}")), ("GET", "/two", c => c.Response.WriteAsync("{}")), ("GET", "/three", c => c.Response.WriteAsync("{}")));
        host.Plugins.Publish(probe with { Endpoints = [.. probe.Endpoints.Zip(new[] { Node, $$$"""{"type":"object","properties":{"branch":{{{other}}}}}""", different }, (endpoint, schema) => endpoint with { OpenApi = Encoding.UTF8.GetBytes("""{"responses":{"200":{"description":"OK","content":{"application/json":{"schema":SCHEMA}}}}}""".Replace("SCHEMA", schema, StringComparison.Ordinal)) })] });

        var document = await DocumentAsync(host);
        string Of(string path) => document["paths"]!["/api/custom/probe" + path]!["get"]!["responses"]!["200"]!["content"]!["application/json"]!["schema"]!.ToJsonString();

        Assert.Equal("""{"$ref":"#/components/schemas/SampleProbeBranch"}""", Of("/one"));
        Assert.Equal("""{"type":"object","properties":{"branch":{"oneOf":[{"$ref":"#/components/schemas/SampleProbeBranch"},{"type":"null"}]}}}""", Of("/two"));
        Assert.Equal("""{"$ref":"#/components/schemas/SampleProbeBranch2"}""", Of("/three"));
        Assert.Equal("""{"type":"object","required":["name"],"properties":{"name":{"title":"What it is called","type":"string"},"twigs":{"type":"array","items":{"$ref":"#/components/schemas/SampleProbeBranch"}}}}""", document["components"]!["schemas"]!["SampleProbeBranch"]!.ToJsonString());
    }

    [Fact]
    public async Task The_document_and_its_tag_follow_every_swap()
    {
        await using var host = await StartAsync();
        var served = host.Plugins.Current.Plugins.ToArray();
        var tag = (await host.Client.GetAsync("/openapi.json")).Headers.ETag!.ToString();
        var paths = (await DocumentAsync(host))["paths"]!.AsObject().Count;

        host.Plugins.Publish();
        var fewer = (await DocumentAsync(host))["paths"]!.AsObject().Count;
        Assert.Equal(200, (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, "/openapi.json", null, ("If-None-Match", tag))).StatusCode);
        host.Plugins.Publish(served);

        Assert.Equal(6, paths - fewer);
        Assert.Equal(paths, (await DocumentAsync(host))["paths"]!.AsObject().Count);
        Assert.Equal(304, (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, "/openapi.json", null, ("If-None-Match", tag))).StatusCode);
    }

    [Theory]
    [InlineData("/docs", "text/html; charset=utf-8")]
    [InlineData("/redoc", "text/html; charset=utf-8")]
    [InlineData("/docs/docs.js", "text/javascript; charset=utf-8")]
    [InlineData("/docs/docs.css", "text/css; charset=utf-8")]
    public async Task The_page_needs_no_other_host_and_no_inline_script(string path, string type)
    {
        await using var host = await StartAsync();

        var answer = await host.Client.GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync();

        Assert.Equal(type, answer.Content.Headers.ContentType!.ToString());
        Assert.DoesNotContain("http://", text, StringComparison.Ordinal);
        Assert.DoesNotContain("https://", text, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", text, StringComparison.Ordinal);
        Assert.Contains("script-src 'self'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redocly_finds_nothing()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync();
        await using var host = await StartAsync();
        var file = Path.Combine(Directory.CreateTempSubdirectory("nexus-openapi-").FullName, "openapi.json");
        await File.WriteAllTextAsync(file, await host.Client.GetStringAsync("/openapi.json"));

        var found = JsonNode.Parse(await ForeignTools.RunAsync(node, tools, "openapi-lint.mjs", file))!.AsArray();
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);

        Assert.Equal([], found.Select(problem => problem!.ToJsonString()));
    }

    [Fact]
    public async Task An_operation_says_who_may_call_it()
    {
        await using var host = await StartAsync();

        var paths = (await DocumentAsync(host))["paths"]!;

        Assert.Equal("sample.billing.invoices:create", (string?)paths[Invoices.Path]!["post"]!["x-permission"]);
        Assert.Equal("sample.billing.invoices:pay", (string?)paths[Invoices.Path + "/{id}/actions/pay"]!["post"]!["x-permission"]);
        Assert.Equal("[]", paths["/health/live"]!["get"]!["security"]!.ToJsonString());
        Assert.Null(paths[Invoices.Path]!["get"]!["security"]);
    }

    [Fact]
    public async Task Examples_fit_what_the_fields_allow()
    {
        await using var host = await StartAsync();

        var create = (await DocumentAsync(host))["paths"]![Invoices.Path]!["post"]!;

        Assert.Equal("""{"number":"number","quantity":1,"total":{"amount":"12.30","currency":"EUR"},"dueOn":"2030-01-31","pin":"pin","lines":[]}""", create["requestBody"]!["content"]!["application/json"]!["example"]!.ToJsonString());
        Assert.Null(create["responses"]!["201"]!["content"]!["application/json"]!["example"]!["pin"]);
    }

    [Fact]
    public async Task The_collection_makes_reads_changes_and_removes_a_record_when_newman_plays_it()
    {
        var tools = await ForeignTools.FolderAsync();
        await using var host = await StartAsync(kestrel: true);
        var file = Path.Combine(Directory.CreateTempSubdirectory("nexus-postman-").FullName, "collection.json");
        await File.WriteAllTextAsync(file, await host.Client.GetStringAsync("/api/postman-collection.json"));

        var printed = await ForeignTools.RunAsync(ToolProcess.Find("node"), tools, Path.Combine("node_modules", "newman", "bin", "newman.js"), "run", file, "--folder", "sample.billing: invoices", "--color", "off");
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);

        Assert.Contains("POST http://127.0.0.1", printed, StringComparison.Ordinal);
        Assert.Equal([ChangeKind.Create, ChangeKind.Merge, ChangeKind.Replace, ChangeKind.Action, ChangeKind.Delete], host.Operations.Changes.Select(change => change.Kind));
        Assert.Equal(0, host.Operations.Count);
    }

    [Fact]
    public async Task The_collection_for_insomnia_has_the_same_requests()
    {
        await using var host = await StartAsync();

        var postman = JsonNode.Parse(await host.Client.GetStringAsync("/api/postman-collection.json"))!["item"]!.AsArray().SelectMany(folder => folder!["item"]!.AsArray()).Select(item => (string)item!["name"]!);
        var resources = JsonNode.Parse(await host.Client.GetStringAsync("/api/insomnia-collection.json"))!["resources"]!.AsArray();

        Assert.Equal(postman, resources.Where(resource => (string?)resource!["_type"] == "request").Select(resource => (string)resource!["name"]!));
        Assert.All(resources, resource => Assert.True((string?)resource!["parentId"] is null || resources.Any(other => (string?)other!["_id"] == (string?)resource["parentId"])));
        Assert.Contains(resources, resource => ((string?)resource!["url"])?.Contains("{% response 'body', 'req_", StringComparison.Ordinal) == true);
    }

    private static async Task<GatewayHost> StartAsync(bool kestrel = false)
    {
        var host = await GatewayHost.StartAsync(kestrel: kestrel);
        var probe = FakePlugins.Plugin("sample.probe", null, ("GET", "/{name}", c => c.Response.WriteAsync("Hello")));
        var operation = Encoding.UTF8.GetBytes("""{"operationId":"greet","summary":"Greets.","parameters":[{"name":"name","in":"path","required":true,"schema":{"type":"string"}}],"responses":{"200":{"description":"OK","content":{"text/plain":{"schema":{"type":"string"}}}}}}""");
        host.Plugins.Publish(Invoices.Plugin(), probe with { Endpoints = [probe.Endpoints[0] with { OpenApi = operation }] });
        return host;
    }

    private static async Task<JsonNode> DocumentAsync(GatewayHost host) => JsonNode.Parse(await host.Client.GetStringAsync("/openapi.json"))!;

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(m => m.Key == "$ref" ? [m.Value!.GetValue<string>()] : References(m.Value)),
        JsonArray array => array.SelectMany(References),
        _ => [],
    };
}
