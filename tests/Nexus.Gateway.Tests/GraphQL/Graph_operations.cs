using System.Net;
using System.Text.Json.Nodes;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.GraphQL;

public sealed class Graph_operations
{
    private static async Task<GatewayHost> StartAsync(params (string Key, string Value)[] settings)
    {
        var host = await GatewayHost.StartAsync(settings);
        host.Plugins.Publish(Invoices.Plugin());
        return host;
    }

    [Fact]
    public async Task A_record_answers_the_fields_asked_for_in_their_order()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1","quantity":3,"total":{"amount":"12.30","currency":"EUR"},"dueOn":"2030-01-31","status":"Sent","pin":"1234","lines":[{"text":"one"},{"text":"two"}]}""");

        var answer = await host.QueryAsync("query($id: ID!) { found: sampleBillingInvoice(id: $id) { status number total { currency amount } dueOn quantity lines { text } id revision } }", new { id });

        Assert.Equal($$$$"""{"data":{"found":{"status":"Sent","number":"A-1","total":{"currency":"EUR","amount":"12.30"},"dueOn":"2030-01-31","quantity":3,"lines":[{"text":"one"},{"text":"two"}],"id":"{{{{id}}}}","revision":1}}}""", answer.ToJsonString());
    }

    [Fact]
    public async Task A_record_that_is_not_there_is_null()
    {
        await using var host = await StartAsync();

        var answer = await host.QueryAsync("""{ sampleBillingInvoice(id: "00000000-0000-7000-8000-000000000009") { id } }""");

        Assert.Equal("""{"data":{"sampleBillingInvoice":null}}""", answer.ToJsonString());
    }

    [Fact]
    public async Task A_secret_field_is_in_no_type_that_is_returned()
    {
        await using var host = await StartAsync();

        var answer = await host.QueryAsync("{ sampleBillingInvoices { nodes { pin } } }");

        Assert.StartsWith("Cannot query field \"pin\" on type \"SampleBillingInvoice\".", (string?)answer.Error()["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hidden_field_is_in_no_type_that_is_returned()
    {
        await using var host = await StartAsync(("server:hiddenFields:0", "quantity"));

        var answer = await host.QueryAsync("{ sampleBillingInvoices { nodes { quantity } } }");

        Assert.StartsWith("Cannot query field \"quantity\"", (string?)answer.Error()["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_follow_each_other_from_any_edge()
    {
        await using var host = await StartAsync();
        for (var i = 1; i <= 5; i++)
            host.Operations.Add($$"""{"number":"A-{{i}}"}""");
        const string Query = "query($after: String) { sampleBillingInvoices(first: 2, after: $after) { edges { cursor node { number } } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } }";

        var first = (await host.QueryAsync(Query))["data"]!["sampleBillingInvoices"]!;
        var second = (await host.QueryAsync(Query, new { after = (string)first["pageInfo"]!["endCursor"]! }))["data"]!["sampleBillingInvoices"]!;
        var middle = (await host.QueryAsync(Query, new { after = (string)first["edges"]![0]!["cursor"]! }))["data"]!["sampleBillingInvoices"]!;
        var last = (await host.QueryAsync(Query, new { after = (string)second["pageInfo"]!["endCursor"]! }))["data"]!["sampleBillingInvoices"]!;

        static string Numbers(JsonNode page) => string.Join(' ', page["edges"]!.AsArray().Select(e => (string)e!["node"]!["number"]!));
        Assert.Equal(["A-1 A-2", "A-3 A-4", "A-2 A-3", "A-5"], new[] { first, second, middle, last }.Select(Numbers));
        Assert.Equal([true, true, true, false], new[] { first, second, middle, last }.Select(p => (bool)p["pageInfo"]!["hasNextPage"]!));
        Assert.Equal([false, true, true, true], new[] { first, second, middle, last }.Select(p => (bool)p["pageInfo"]!["hasPreviousPage"]!));
        Assert.Equal(5, (int)first["totalCount"]!);
    }

    [Fact]
    public async Task Counting_happens_only_when_it_is_asked_for()
    {
        await using var host = await StartAsync();

        await host.QueryAsync("{ sampleBillingInvoices { nodes { id } } }");
        Assert.False(host.Operations.LastQuery!.Count);
        await host.QueryAsync("{ sampleBillingInvoices { ...F } } fragment F on SampleBillingInvoiceConnection { total: totalCount }");
        Assert.True(host.Operations.LastQuery!.Count);
    }

    [Fact]
    public async Task A_filter_a_sort_and_words_reach_the_pipeline()
    {
        await using var host = await StartAsync();

        var answer = await host.QueryAsync("""
            { sampleBillingInvoices(q: "paper", sort: [{field: total, descending: true}, {field: createdAt}], filter: {
                quantity: {gte: 5, lt: 10}, or: [{status: {in: [Sent, Paid]}}, {not: {dueOn: {eq: null}}}], total: {gt: {amount: "12.30", currency: "EUR"}}, number: {prefix: "A"} }) { nodes { id } } }
            """);

        Assert.Null(answer["errors"]);
        var query = host.Operations.LastQuery!;
        Assert.Equal("paper", query.Search);
        Assert.Equal([new SortKey("total", true), new SortKey("createdAt")], query.Sort);
        Assert.Equal(
            """{"$and":[{"$or":[{"status":{"$in":["Sent","Paid"]}},{"$not":{"dueOn":{"$eq":null}}}]},{"number":{"$prefix":"A"}},{"quantity":{"$gte":5}},{"quantity":{"$lt":10}},{"total":{"$gt":"12.30 EUR"}}]}""",
            FilterText.Of(query.Filter!));
    }

    [Fact]
    public async Task Mutations_create_update_act_and_delete_one_after_the_other()
    {
        await using var host = await StartAsync();
        var old = host.Operations.Add("""{"number":"A-1","quantity":1}""");

        var answer = await host.QueryAsync(
            """
            mutation($old: ID!) {
                made: createSampleBillingInvoice(input: {number: "A-2", quantity: 7, total: {amount: 12.30, currency: "EUR"}, lines: [{text: "one"}]}) { number quantity total { amount } lines { text } }
                changed: updateSampleBillingInvoice(id: $old, input: {quantity: 2, dueOn: null}, ifRevision: 1) { quantity revision }
                paid: paySampleBillingInvoice(id: $old, input: {note: "cash"}) { revision }
                gone: deleteSampleBillingInvoice(id: $old)
            }
            """,
            new { old });

        Assert.Equal($$$"""{"data":{"made":{"number":"A-2","quantity":7,"total":{"amount":"12.30"},"lines":[{"text":"one"}]},"changed":{"quantity":2,"revision":2},"paid":{"revision":3},"gone":"{{{old}}}"}}""", answer.ToJsonString());
        Assert.Equal([ChangeKind.Create, ChangeKind.Merge, ChangeKind.Action, ChangeKind.Delete], host.Operations.Changes.Select(c => c.Kind));
        Assert.Equal("""{"quantity":2,"dueOn":null}""", System.Text.Encoding.UTF8.GetString(host.Operations.Changes[1].Body.Span));
        Assert.Equal("""{"note":"cash"}""", System.Text.Encoding.UTF8.GetString(host.Operations.Changes[2].Body.Span));
    }

    [Fact]
    public async Task A_refused_change_names_code_and_fields_and_leaves_the_others()
    {
        await using var host = await StartAsync();

        var answer = await host.QueryAsync("""mutation { no: updateSampleBillingInvoice(id: "x", input: {quantity: 2}) { id } }""");

        var error = answer.Error();
        Assert.Equal("RESOURCE_NOT_FOUND", (string?)error["extensions"]!["code"]);
        Assert.Equal("""["no"]""", error["path"]!.ToJsonString());
        Assert.Equal("""[{"line":1,"column":12}]""", error["locations"]!.ToJsonString());
        Assert.Null(answer["data"]);

        var invalid = (await host.QueryAsync("""mutation { createSampleBillingInvoice(input: {number: ""}) { id } }""")).Error();
        Assert.Equal("""[{"pointer":"/number","code":"required","detail":"number must not be empty."}]""", invalid["extensions"]!["errors"]!.ToJsonString());
    }

    [Fact]
    public async Task A_stale_revision_is_a_failed_precondition()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1"}""");

        var answer = await host.QueryAsync("mutation($id: ID!) { updateSampleBillingInvoice(id: $id, input: {quantity: 2}, ifRevision: 4) { id } }", new { id });

        Assert.Equal("PRECONDITION_FAILED", (string?)answer.Error()["extensions"]!["code"]);
    }

    [Fact]
    public async Task A_batch_answers_each_change()
    {
        await using var host = await StartAsync();
        var id = host.Operations.Add("""{"number":"A-1"}""");

        var answer = await host.QueryAsync(
            """
            mutation($id: ID!) { batchSampleBillingInvoice(changes: [{create: {number: "A-2"}}, {update: {id: $id, input: {quantity: 9}}}, {delete: "nothing"}]) {
                record { number quantity } error { code fields { pointer } } } }
            """,
            new { id });

        Assert.Equal("""{"data":{"batchSampleBillingInvoice":[{"record":{"number":"A-2","quantity":null},"error":null},{"record":{"number":"A-1","quantity":9},"error":null},{"record":null,"error":{"code":"RESOURCE_NOT_FOUND","fields":[]}}]}}""", answer.ToJsonString());
    }

    [Fact]
    public async Task A_change_of_a_batch_is_one_of_its_kinds()
    {
        await using var host = await StartAsync();

        var answer = await host.QueryAsync("""mutation { batchSampleBillingInvoice(changes: [{create: {number: "A"}, delete: "b"}]) { id } }""");

        Assert.StartsWith("Within OneOf Input Object type \"SampleBillingInvoiceChange\"", (string?)answer.Error()["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_retry_with_its_key_changes_nothing_again()
    {
        await using var host = await StartAsync();
        const string Mutation = """mutation { a: createSampleBillingInvoice(input: {number: "A"}) { id } b: createSampleBillingInvoice(input: {number: "B"}) { id } }""";

        using var first = await host.PostAsync(Mutation, headers: ("Idempotency-Key", "k1"));
        using var second = await host.PostAsync(Mutation, headers: ("Idempotency-Key", "k1"));

        Assert.Equal(await first.Content.ReadAsStringAsync(), await second.Content.ReadAsStringAsync());
        Assert.Equal(2, host.Operations.Count);
    }

    [Fact]
    public async Task A_plugins_types_come_and_go_with_it()
    {
        await using var host = await StartAsync();
        const string Query = """{ __type(name: "SampleBillingInvoice") { name } }""";

        Assert.Equal("""{"data":{"__type":{"name":"SampleBillingInvoice"}}}""", (await host.QueryAsync(Query)).ToJsonString());
        host.Plugins.Publish();
        Assert.Equal("""{"data":{"__type":null}}""", (await host.QueryAsync(Query)).ToJsonString());
        host.Plugins.Publish(Invoices.Plugin());
        Assert.Equal("""{"data":{"__type":{"name":"SampleBillingInvoice"}}}""", (await host.QueryAsync(Query)).ToJsonString());
    }

    [Fact]
    public async Task The_schema_of_a_plugin_that_left_is_kept_by_nothing()
    {
        await using var host = await StartAsync();
        var gone = await UseAsync(host);

        host.Plugins.Publish();
        // Who calls is worked out a snapshot at a time: the next request lets go of the last one there too.
        using var other = await host.Client.GetAsync("/health");
        using var patience = new CancellationTokenSource(Until.Patience);
        while (gone.IsAlive && !patience.IsCancellationRequested)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(10);
        }

        Assert.False(gone.IsAlive);

        static async Task<WeakReference> UseAsync(GatewayHost host)
        {
            var plugin = Invoices.Plugin() with { Generation = 2 };
            host.Plugins.Publish(plugin);
            await host.QueryAsync("{ sampleBillingInvoices { nodes { id } } }");
            return new WeakReference(plugin);
        }
    }

    [Fact]
    public async Task Introspection_that_is_off_is_refused_and_nothing_is_suggested()
    {
        await using var host = await StartAsync(("graphql:introspection", "false"));

        Assert.Equal("PERMISSION_DENIED", (string?)(await host.QueryAsync("{ ...F } fragment F on Query { __schema { types { name } } }")).Error()["extensions"]!["code"]);
        Assert.Equal("Cannot query field \"sampleBillingInvoics\" on type \"Query\".", (string?)(await host.QueryAsync("{ sampleBillingInvoics { nodes { id } } }")).Error()["message"]);
        Assert.Equal("""{"data":{"__typename":"Query"}}""", (await host.QueryAsync("{ __typename }")).ToJsonString());
    }

    [Fact]
    public async Task Too_deep_and_too_costly_operations_are_refused_before_anything_runs()
    {
        await using var host = await StartAsync(("graphql:depth", "2"), ("graphql:cost", "20"));

        var deep = (await host.QueryAsync("{ sampleBillingInvoices(first: 1) { nodes { lines { text } } } }")).Error();
        var costly = (await host.QueryAsync("{ sampleBillingInvoices(first: 21) { totalCount } }")).Error();

        Assert.Equal("The operation is 4 levels deep; 2 are allowed (graphql.depth).", (string?)deep["message"]);
        Assert.Equal("The operation asks for up to 21 objects; 20 are allowed (graphql.cost). Ask for shorter lists.", (string?)costly["message"]);
        Assert.Null(host.Operations.LastQuery);
    }

    [Fact]
    public async Task Many_failures_of_a_field_that_is_selected_many_times_are_told_quickly()
    {
        await using var host = await StartAsync();
        for (var i = 0; i < 500; i++)
            host.Operations.Add("""{"number":"A","status":"Unknown"}""");
        var limit = TimeSpan.FromSeconds(5);
        JsonNode answer = null!;

        var took = await Fastest.OfAsync(limit, async () => answer = await host.QueryAsync("{ sampleBillingInvoices(first: 500) { nodes {" + string.Concat(Enumerable.Repeat(" status", 10_000)) + " } } }"));

        Assert.Equal(500, answer["errors"]!.AsArray().Count);
        Assert.Equal(20, answer["errors"]![499]!["locations"]!.AsArray().Count);
        Assert.InRange(took, TimeSpan.Zero, limit);
    }

    [Fact]
    public async Task Plugins_are_listed_by_category_and_one_is_enabled()
    {
        await using var host = await StartAsync();
        host.Plugins.Statuses =
        [
            new PluginStatus { Id = "a", Version = "1.0.0", State = PluginState.Active, Manifest = FakePlugins.Plugin("a").Manifest },
            new PluginStatus { Id = "b", Version = "2.0.0", State = PluginState.Stopped, Manifest = Invoices.Plugin().Manifest },
        ];

        var answer = await host.QueryAsync("""{ plugins(category: BUSINESS) { id version } all: plugins { id } plugin(id: "b") { state category enabled } none: plugin(id: "c") { id } }""");
        var enabled = await host.QueryAsync("""mutation { enable_plugin(id: "b") { id state } }""");

        Assert.Equal("""{"data":{"plugins":[{"id":"b","version":"2.0.0"}],"all":[{"id":"a"},{"id":"b"}],"plugin":{"state":"STOPPED","category":"BUSINESS","enabled":true},"none":null}}""", answer.ToJsonString());
        Assert.Equal("""{"data":{"enable_plugin":{"id":"b","state":"ACTIVE"}}}""", enabled.ToJsonString());
        Assert.Equal([new PluginCommand.Enable("b")], host.Plugins.Commands);
    }

    [Fact]
    public async Task The_path_is_the_operators()
    {
        await using var host = await StartAsync(("graphql:path", "/api/graph"), ("graphql:explorer", "false"));

        using var moved = await host.Client.GetAsync("/api/graph?query={__typename}");
        using var old = await host.Client.GetAsync("/graphql?query={__typename}");
        using var page = await host.Client.GetAsync("/api/graph/explorer");

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.NotFound], [moved.StatusCode, old.StatusCode, page.StatusCode]);
    }
}

/// <summary>Filters in their JSON form.</summary>
internal static class FilterText
{
    public static string Of(Filter filter) => filter switch
    {
        Filter.And all => $"{{\"$and\":[{string.Join(',', all.Parts.Select(Of))}]}}",
        Filter.Or any => $"{{\"$or\":[{string.Join(',', any.Parts.Select(Of))}]}}",
        Filter.Not not => $"{{\"$not\":{Of(not.Part)}}}",
        Filter.In list => $"{{\"{list.Path}\":{{\"$in\":[{string.Join(',', list.Values.Select(v => v.GetRawText()))}]}}}}",
        Filter.Compare one => $"{{\"{one.Path}\":{{\"{Name(one.Operator)}\":{one.Value.GetRawText()}}}}}",
        _ => filter.ToString(),
    };

    private static string Name(FilterOperator comparison) => comparison switch
    {
        FilterOperator.Equal => "$eq",
        FilterOperator.NotEqual => "$ne",
        FilterOperator.Greater => "$gt",
        FilterOperator.GreaterOrEqual => "$gte",
        FilterOperator.Less => "$lt",
        FilterOperator.LessOrEqual => "$lte",
        _ => "$prefix",
    };
}
