using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Changes;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Tests.Shared;

namespace Nexus.Gateway.Tests.GraphQL;

public sealed class Graph_transport
{
    [Fact]
    public async Task The_audit_of_graphql_http_finds_nothing()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync();
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(Invoices.Plugin());

        var output = await ForeignTools.RunAsync(node, tools, "graphql-audit.mjs", new Uri(host.Address, "/graphql").ToString());

        var results = JsonNode.Parse(output)!.AsArray();
        var failed = results.Where(r => (string?)r!["status"] != "ok").Select(r => $"{r!["status"]} {r["id"]} {r["name"]}: {r["reason"]}").ToArray();
        Assert.True(results.Count > 50, $"only {results.Count} audits ran");
        Assert.True(failed.Length == 0, string.Join('\n', failed));
    }

    [Fact]
    public async Task Foreign_clients_follow_events_over_a_socket_and_over_an_event_stream()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync();
        await using var host = await StartWithEventsAsync();

        var seen = JsonNode.Parse(await ForeignTools.RunAsync(node, tools, "graphql-sockets.mjs", host.Address.ToString().TrimEnd('/')))!;

        Assert.Equal("""{"data":{"__typename":"Query"}}""", seen["wsQuery"]!.ToJsonString());
        Assert.Equal("""{"data":{"createSampleBillingInvoice":{"number":"W-1"}}}""", seen["wsMutation"]!.ToJsonString());
        Assert.Equal("Cannot query field \"bogus\" on type \"Query\".", (string?)seen["wsInvalid"]![0]);
        const string Event = """{"data":{"sampleBillingInvoiceEvents":{"verb":"created","record":{"number":"NAME"}}}}""";
        Assert.Equal([Event.Replace("NAME", "W", StringComparison.Ordinal), Event.Replace("NAME", "W", StringComparison.Ordinal)], seen["wsEvents"]!.AsArray().Select(e => e!.ToJsonString()));
        Assert.Equal("""{"data":{"__typename":"Query"}}""", seen["sseQuery"]!.ToJsonString());
        Assert.Equal([Event.Replace("NAME", "S", StringComparison.Ordinal), Event.Replace("NAME", "S", StringComparison.Ordinal)], seen["sseEvents"]!.AsArray().Select(e => e!.ToJsonString()));
        Assert.Equal(
            [
                "1006 ", "4400 Invalid message: it is not well-formed JSON", "4400 Invalid message: a JSON object is expected", "4400 Invalid message: its type is not known", "4429 Too many initialisation requests",
                "4401 Unauthorized", "4409 Subscriber for 1 already exists", "4400 Invalid message: subscribe has an id and a payload", "4400 Invalid message: text is expected", "4403 Forbidden", "4408 Connection initialisation timeout",
            ],
            seen["breaches"]!.AsArray().Select(b => (string)b!));
    }

    [Fact]
    public async Task A_subscription_goes_on_over_a_swap_and_ends_with_its_plugin()
    {
        await using var host = await StartWithEventsAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/graphql") { Content = new StringContent("""{"query":"subscription { sampleBillingInvoiceEvents { id } }"}""", Encoding.UTF8, "application/json"), Headers = { { "Accept", "text/event-stream" } } };
        using var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        using var limit = new CancellationTokenSource(Until.Patience);
        Assert.Equal(":", await lines.ReadLineAsync(limit.Token));
        var feed = host.Services.GetRequiredService<ChangeFeed>();
        while (feed.Count == 0)
            await Task.Delay(10, limit.Token);

        host.Plugins.Publish(Invoices.Plugin() with { Generation = 2 });
        await host.Client.PostAsync("/test/publish?number=A", null, limit.Token);
        Assert.StartsWith("data: {\"data\":{\"sampleBillingInvoiceEvents\":{\"id\":", await NextAsync(lines, "data:", limit.Token), StringComparison.Ordinal);

        host.Plugins.Publish();
        Assert.Contains("The subscription operation is not supported by the schema.", await NextAsync(lines, "data:", limit.Token), StringComparison.Ordinal);
        Assert.Equal("event: complete", await NextAsync(lines, "event: complete", limit.Token));
        while (feed.Count > 0)
            await Task.Delay(10, limit.Token);
    }

    [Theory]
    [InlineData("{ sampleBillingInvoices { nodes { id } } }", "application/graphql-response+json", 200)]
    [InlineData("{ bogus }", "application/graphql-response+json", 400)]
    [InlineData("{ bogus }", "application/json", 200)]
    [InlineData("{", "application/graphql-response+json", 400)]
    [InlineData("subscription { sampleBillingInvoiceEvents { id } }", "application/json", 200)]
    [InlineData("{ __typename }", "text/html", 406)]
    public async Task Statuses_are_those_of_the_media_type(string query, string accept, int status)
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(Invoices.Plugin());

        using var answer = await host.PostAsync(query, accept: accept);

        Assert.Equal(status, (int)answer.StatusCode);
        if (status != 406)
            Assert.Equal(accept + "; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
    }

    [Fact]
    public async Task A_get_changes_nothing()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(Invoices.Plugin());

        using var read = await host.Client.GetAsync("/graphql?query={sampleBillingInvoices{nodes{id}}}");
        using var change = await host.Client.GetAsync("/graphql?query=" + Uri.EscapeDataString("""mutation { createSampleBillingInvoice(input: {number: "A"}) { id } }"""));

        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        await Problems.AssertAsync(change, 405, "METHOD_NOT_ALLOWED");
        Assert.Empty(host.Operations.Changes);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    public async Task A_form_of_another_sites_page_is_not_read(string mediaType)
    {
        await using var host = await GatewayHost.StartAsync();
        using var content = new StringContent("""{"query":"{__typename}"}""") { Headers = { ContentType = MediaTypeHeaderValue.Parse(mediaType) } };

        using var answer = await host.Client.PostAsync("/graphql", content);

        await Problems.AssertAsync(answer, 415, "UNSUPPORTED_MEDIA_TYPE");
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"query":1}""")]
    [InlineData("""{"query":"{__typename}","variables":[1]}""")]
    [InlineData("""{"query":"{__typename}","extensions":"x"}""")]
    [InlineData("""{"query":"{__typename}","operationName":{}}""")]
    [InlineData("""{"query":"\ud800"}""")]
    [InlineData("{\"query\":")]
    public async Task A_request_without_its_form_is_a_bad_request(string body)
    {
        await using var host = await GatewayHost.StartAsync();

        using var answer = await host.Client.PostAsync("/graphql", new StringContent(body, Encoding.UTF8, "application/json"));

        await Problems.AssertAsync(answer, 400, "BAD_REQUEST");
    }

    [Fact]
    public async Task Trusted_and_remembered_documents_are_named_instead_of_sent()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-trusted-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "who.graphql"), "{ __typename }");
        await using var host = await GatewayHost.StartAsync([("graphql:documents", folder)]);
        async Task<string> SendAsync(string body) => await (await host.Client.PostAsync("/graphql", new StringContent(body, Encoding.UTF8, "application/json"))).Content.ReadAsStringAsync();
        const string Hash = "7f56e67dd21ab3f30d1ff8b7bed08893f0a0db86449836189b361dd1e56ddb4b";
        static string Persisted(string more) => "{" + more + "\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"" + Hash + "\"}}}";

        var trusted = await SendAsync("""{"documentId":"who"}""");
        var unknown = await SendAsync("""{"documentId":"nobody"}""");
        var missing = await SendAsync(Persisted(""));
        var wrong = await SendAsync(Persisted("\"query\":\"{ plugins { id } }\","));
        var sent = await SendAsync(Persisted("\"query\":\"{ __typename }\","));
        var named = await SendAsync(Persisted(""));
        Directory.Delete(folder, recursive: true);

        Assert.Equal("""{"data":{"__typename":"Query"}}""", trusted);
        Assert.Contains("There is no trusted document", unknown, StringComparison.Ordinal);
        Assert.Contains("PersistedQueryNotFound", missing, StringComparison.Ordinal);
        Assert.Contains("provided sha does not match query", wrong, StringComparison.Ordinal);
        Assert.Equal([trusted, trusted], [sent, named]);
    }

    [Fact]
    public async Task A_node_may_execute_trusted_documents_only()
    {
        await using var host = await GatewayHost.StartAsync([("graphql:trustedOnly", "true")]);

        Assert.Equal("PERMISSION_DENIED", (string?)(await host.QueryAsync("{ __typename }")).Error()["extensions"]!["code"]);
    }

    [Fact]
    public async Task An_exception_of_the_pipeline_leaks_nothing()
    {
        await using var host = await GatewayHost.StartAsync(configure: services => services.AddSingleton<IResourceOperations>(new BrokenOperations()));
        host.Plugins.Publish(Invoices.Plugin());

        var answer = await host.QueryAsync("{ sampleBillingInvoices { nodes { id } } }");

        Assert.Equal("INTERNAL_ERROR", (string?)answer.Error()["extensions"]!["code"]);
        Assert.DoesNotContain("secret", answer.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains(host.Log.Lines, line => line.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_operation_that_takes_too_long_is_given_up()
    {
        await using var host = await GatewayHost.StartAsync([("graphql:seconds", "0.1")], configure: services => services.AddSingleton<IResourceOperations>(new BrokenOperations { Hangs = true }));
        host.Plugins.Publish(Invoices.Plugin());

        var answer = await host.QueryAsync("{ sampleBillingInvoices { nodes { id } } }");

        Assert.Equal("REQUEST_TIMEOUT", (string?)answer.Error()["extensions"]!["code"]);
    }

    [Fact]
    public async Task The_explorer_runs_nothing_but_its_own_files()
    {
        await using var host = await GatewayHost.StartAsync();
        using var browser = new HttpRequestMessage(HttpMethod.Get, "/graphql") { Headers = { { "Accept", "text/html,application/xhtml+xml,*/*;q=0.8" } } };

        using var answer = await host.Client.SendAsync(browser);
        using var page = await host.Client.GetAsync("/graphql/explorer");
        var html = await page.Content.ReadAsStringAsync();

        Assert.Equal("/graphql/explorer", answer.Headers.Location!.ToString());
        Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("http", html, StringComparison.Ordinal);
        Assert.DoesNotMatch("<script>|<style|style=| on[a-z]+=", html);
        foreach (var file in new[] { "explorer.js", "explorer.css" })
            Assert.Equal(HttpStatusCode.OK, (await host.Client.GetAsync("/graphql/" + file)).StatusCode);
    }

    [Fact]
    public async Task The_explorer_shows_the_schema_and_runs_an_operation_in_a_browser()
    {
        var (node, chromium) = (ToolProcess.Find("node"), ToolProcess.Find("chromium"));
        var tools = await ForeignTools.FolderAsync();
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(Invoices.Plugin());

        var output = await ForeignTools.RunAsync(node, tools, "graphql-explorer.mjs", new JsonObject { ["address"] = host.Address.ToString().TrimEnd('/'), ["executable"] = chromium }.ToJsonString());

        var seen = JsonNode.Parse(output)!;
        Assert.Equal(new Uri(host.Address, "/graphql/explorer").ToString(), (string?)seen["url"]);
        Assert.Equal(["Query", "Mutation", "Subscription"], seen["types"]!.AsArray().Take(3).Select(t => (string)t!));
        Assert.Contains("SampleBillingInvoice", seen["types"]!.AsArray().Select(t => (string)t!));
        Assert.Equal("""{"data":{"sampleBillingInvoices":{"totalCount":0}}}""", seen["answer"]!.ToJsonString());
        Assert.Equal("[]", seen["faults"]!.ToJsonString());
    }

    private static async Task<GatewayHost> StartWithEventsAsync()
    {
        var tail = new FakeTail();
        var host = await GatewayHost.StartAsync([("graphql:socketInitSeconds", "3")], kestrel: true, configure: services => services.AddSingleton<IEventTail>(tail));
        var publish = FakePlugins.Plugin("sample.test", null, ("POST", "~/test/publish", context =>
        {
            var id = host.Operations.Add($$"""{"number":"{{context.Request.Query["number"]}}"}""");
            tail.Publish("sample.billing.invoices.created", $$"""{"id":"{{id}}","revision":1}""");
            return Task.CompletedTask;
        }));
        host.Plugins.Always = [publish];
        host.Plugins.Publish(Invoices.Plugin());
        return host;
    }

    private static async Task<string> NextAsync(StreamReader lines, string prefix, CancellationToken cancellationToken)
    {
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith(prefix, StringComparison.Ordinal))
                return line;
        }
        return "";
    }

    /// <summary>Fails with a secret in its text, or never ends.</summary>
    private sealed class BrokenOperations : IResourceOperations
    {
        public ValueTask<ReadOnlyMemory<byte>> RunAsync(ActivePlugin plugin, ToolDescriptor tool, CallContext context, ReadOnlyMemory<byte> input, CancellationToken cancellationToken) => throw new NotSupportedException();

        public bool Hangs { get; init; }

        public ValueTask<StoredRecord?> FindAsync(ResourceCall call, string id, CancellationToken cancellationToken) => throw new InvalidOperationException("secret");

        public async ValueTask<RecordPage> ListAsync(ResourceCall call, ResourceQuery query, CancellationToken cancellationToken)
        {
            if (Hangs)
                await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException("secret");
        }

        public ValueTask<ImmutableArray<ChangeResult>> ChangeAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, bool atomic, CancellationToken cancellationToken) => throw new InvalidOperationException("secret");
    }
}
