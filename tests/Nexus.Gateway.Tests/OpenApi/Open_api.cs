using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

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
        Assert.Equal(["delete", "post", "put"], document["paths"]![Invoices.Path + "/batch"]!.AsObject().Select(m => m.Key).Order());
        Assert.NotNull(document["paths"]![Invoices.Path + "/{id}/actions/pay"]!["post"]);
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

        Assert.Equal(5, paths - fewer);
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

    private static async Task<GatewayHost> StartAsync()
    {
        var host = await GatewayHost.StartAsync();
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
