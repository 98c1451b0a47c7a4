using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Tests.Shared;

namespace Nexus.Gateway.Tests.GraphQL.Federation;

/// <summary>What a composing gateway asks of a node.</summary>
public sealed class Graph_subgraph
{
    private const string First = "00000000-0000-7000-8000-000000000001";
    private const string Second = "00000000-0000-7000-8000-000000000002";

    private static readonly (string, string)[] On = [("graphql:federation", "true")];

    [Fact]
    public async Task Nothing_of_the_contract_is_there_unless_it_is_switched_on()
    {
        await using var host = await StartAsync([]);

        var service = await host.QueryAsync("{ _service { sdl } }");
        var list = await host.QueryAsync("""{ __type(name: "Query") { fields { name type { kind } } } }""");

        Assert.Equal("Cannot query field \"_service\" on type \"Query\".", (string?)service.Error()["message"]);
        Assert.Contains("""{"name":"crmCustomers","type":{"kind":"NON_NULL"}}""", list.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("_entities", list.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_is_told_with_keys_and_without_what_belongs_to_the_node()
    {
        await using var host = await StartAsync(On);

        var text = (string)(await host.QueryAsync("{ _service { sdl } }"))["data"]!["_service"]!["sdl"]!;

        Assert.StartsWith("extend schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", import: [\"@key\", \"@shareable\"])\n", text, StringComparison.Ordinal);
        var types = Parser.Parse(text, new ParserLimits(1_000_000, 200_000)).Definitions.OfType<TypeDefinition>().ToDictionary(t => t.Name.Text);
        Assert.Contains("type CrmCustomer @key(fields: \"id\") {", text, StringComparison.Ordinal);
        Assert.Contains("type PageInfo @shareable {", text, StringComparison.Ordinal);
        Assert.Equal(["crmCustomer", "crmCustomers", "crmNote", "crmNotes"], types["Query"].Parts.Fields.Select(f => f.Name.Text));
        Assert.Empty(types.Keys.Intersect(["Plugin", "PluginState", "_Entity", "_Any", "_Service"]));
        Assert.Equal("CrmCustomerConnection", Printer.Print(types["Query"].Parts.Fields[1].Type));
    }

    [Fact]
    public async Task Entities_come_in_the_order_of_the_question_by_one_question_a_type()
    {
        var store = new Store();
        await using var host = await StartAsync(On, store);
        var representations = new object[] { Key("CrmNote", First), Key("CrmCustomer", Second), Key("CrmCustomer", Second.ToUpperInvariant()), Key("CrmCustomer", First) };

        var answer = await host.QueryAsync(Question, new { representations });

        Assert.Equal("""{"data":{"_entities":[{"__typename":"CrmNote","text":"n1"},{"__typename":"CrmCustomer","name":"c2"},{"__typename":"CrmCustomer","name":"c2"},{"__typename":"CrmCustomer","name":"c1"}]}}""", answer.ToJsonString());
        Assert.Equal(["customers", "notes"], store.Asked.Order());
    }

    [Fact]
    public async Task What_does_not_exist_is_null_and_what_is_wrong_has_an_error_at_its_place()
    {
        await using var host = await StartAsync(On, new Store());
        object[] representations =
        [
            Key("CrmCustomer", "00000000-0000-7000-8000-0000000000ff"), Key("CrmCustomer", "no uuid"), Key("Bogus", First), new { id = First }, new { __typename = "CrmCustomer" },
            new { __typename = "CrmCustomer", id = 7 }, Key("CrmCustomer", First),
        ];

        var answer = await host.QueryAsync(Question, new { representations });

        Assert.Equal("""[null,null,null,null,null,null,{"__typename":"CrmCustomer","name":"c1"}]""", answer["data"]!["_entities"]!.ToJsonString());
        Assert.Equal(
            [
                "[\"_entities\",2] BAD_REQUEST \"Bogus\" is no entity of this subgraph.", "[\"_entities\",3] BAD_REQUEST A representation names its type by `__typename`.",
                "[\"_entities\",4] BAD_REQUEST A representation of CrmCustomer has its key, the text `id`.", "[\"_entities\",5] BAD_REQUEST A representation of CrmCustomer has its key, the text `id`.",
            ],
            answer["errors"]!.AsArray().Select(e => $"{e!["path"]!.ToJsonString()} {e["extensions"]!["code"]} {e["message"]}"));
    }

    [Fact]
    public async Task A_refused_type_is_null_with_an_error_each_and_the_others_are_answered()
    {
        await using var host = await StartAsync(On, new Store { Refused = "notes" });

        var answer = await host.QueryAsync(Question, new { representations = new object[] { Key("CrmNote", First), Key("CrmCustomer", First), Key("CrmNote", Second) } });

        Assert.Equal("""[null,{"__typename":"CrmCustomer","name":"c1"},null]""", answer["data"]!["_entities"]!.ToJsonString());
        Assert.Equal(["""["_entities",0] PERMISSION_DENIED""", """["_entities",2] PERMISSION_DENIED"""], answer["errors"]!.AsArray().Select(e => $"{e!["path"]!.ToJsonString()} {e["extensions"]!["code"]}").Order());
    }

    [Fact]
    public async Task Representations_that_are_no_objects_or_too_many_are_refused()
    {
        await using var host = await StartAsync(On, new Store());

        var text = await host.QueryAsync(Question, new { representations = new object[] { "x" } });
        var many = await host.QueryAsync($$"""{ _entities(representations: [{{string.Concat(Enumerable.Repeat($$"""{__typename:"CrmNote",id:"{{First}}"}""", 1001))}}]) { __typename } }""");
        var literal = await host.QueryAsync($$"""{ _entities(representations: [{__typename: "CrmCustomer", id: "{{First}}"}, 3]) { __typename } }""");

        Assert.Equal("VALIDATION_ERROR", (string?)text.Error()["extensions"]!["code"]);
        Assert.Equal("""["_entities"]""", many.Error()["path"]!.ToJsonString());
        Assert.Equal("ARRAY_TOO_LONG", (string?)many.Error()["extensions"]!["code"]);
        Assert.Equal("_Any is an object with __typename and a key, found: 3.", (string?)literal.Error()["message"]);
    }

    [Fact]
    public async Task Records_of_plugins_elsewhere_are_entities_with_what_refers_to_them()
    {
        var store = new Store();
        await using var host = await StartAsync(On, store, Orders());

        var referring = await host.QueryAsync("{ ordersOrders { nodes { number buyerId buyer { id } seller { __typename id } watchersIds watchers { id } } } }");
        var referred = await host.QueryAsync("query($representations: [_Any!]!) { _entities(representations: $representations) { ... on CrmCustomer { id ordersOrdersByBuyer { number } } } }", new { representations = new[] { Key("CrmCustomer", Second), Key("CrmCustomer", First) } });

        Assert.Equal(
            $$"""[{"number":1,"buyerId":"{{First}}","buyer":{"id":"{{First}}"},"seller":{"__typename":"CrmPerson","id":"{{Second}}"},"watchersIds":["{{First}}"],"watchers":[{"id":"{{First}}"}]}]""",
            referring["data"]!["ordersOrders"]!["nodes"]!.ToJsonString());
        Assert.Equal($$"""[{"id":"{{Second}}","ordersOrdersByBuyer":[]},{"id":"{{First}}","ordersOrdersByBuyer":[{"number":1}]}]""", referred["data"]!["_entities"]!.ToJsonString());
    }

    [Fact]
    public async Task A_foreign_composer_accepts_two_nodes_that_refer_to_each_other()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync("federation");
        await using var crm = await StartAsync(On, kestrel: true);
        await using var orders = await StartAsync(On, new Store(), Orders(), kestrel: true);

        var output = JsonNode.Parse(await ForeignTools.RunAsync(node, tools, "compose.mjs", $"crm={crm.Address}graphql", $"orders={orders.Address}graphql"))!;

        Assert.Equal("[]", output["errors"]!.ToJsonString());
        Assert.Contains("name: String", output["fields"]!["CrmCustomer"]!.AsArray().Select(f => (string?)f));
        Assert.Contains("ordersOrdersByBuyer: [OrdersOrder!]", output["fields"]!["CrmCustomer"]!.AsArray().Select(f => (string?)f));
        Assert.Contains("buyer: CrmCustomer", output["fields"]!["OrdersOrder"]!.AsArray().Select(f => (string?)f));
    }

    private const string Question = "query($representations: [_Any!]!) { _entities(representations: $representations) { __typename ... on CrmCustomer { name } ... on CrmNote { text } } }";

    private static object Key(string type, string id) => new { __typename = type, id };

    private static ActivePlugin Crm() => FakePlugins.Plugin("crm") with
    {
        Resources =
        [
            new() { Plugin = "crm", Name = "customers", Singular = "Customer", Fields = [new() { Name = "name", Kind = FieldKind.Text }, new() { Name = "credit", Kind = FieldKind.Money }, new() { Name = "level", Kind = FieldKind.Choice, Choices = ["new", "old"] }] },
            new() { Plugin = "crm", Name = "notes", Singular = "Note", Fields = [new() { Name = "text", Kind = FieldKind.Text }, new() { Name = "about", Kind = FieldKind.Reference, Target = "crm.customers" }] },
        ],
    };

    private static ActivePlugin Orders() => FakePlugins.Plugin("orders") with
    {
        Resources =
        [
            new()
            {
                Plugin = "orders", Name = "orders", Singular = "Order",
                Fields =
                [
                    new() { Name = "number", Kind = FieldKind.Integer },
                    new() { Name = "buyer", Kind = FieldKind.Reference, Target = "crm.customers", TargetType = "Customer" },
                    new() { Name = "seller", Kind = FieldKind.Reference, Target = "Crm.Person", TargetType = "Person" },
                    new() { Name = "watchers", Kind = FieldKind.List, Element = new() { Name = "watcher", Kind = FieldKind.Reference, Target = "Crm.Customer", TargetType = "Customer" } },
                    new() { Name = "total", Kind = FieldKind.Money },
                ],
            },
        ],
    };

    private static async Task<GatewayHost> StartAsync((string, string)[] settings, Store? store = null, ActivePlugin? plugin = null, bool kestrel = false)
    {
        var host = await GatewayHost.StartAsync(settings, kestrel, services => services.AddSingleton<IResourceOperations>(store ?? new Store()));
        host.Plugins.Publish(plugin ?? Crm());
        return host;
    }

    /// <summary>Two records of each resource; notes each question.</summary>
    private sealed class Store : IResourceOperations
    {
        public List<string> Asked { get; } = [];

        public string? Refused { get; init; }

        public ValueTask<RecordPage> ListAsync(ResourceCall call, ResourceQuery query, CancellationToken cancellationToken)
        {
            lock (Asked)
                Asked.Add(call.Resource.Name);
            if (call.Resource.Name == Refused)
                throw new NexusException(ErrorCodes.PermissionDenied, "Not for you.");
            var found = Records(call.Resource.Name).Where(r => FilterEvaluator.Matches(query.Filter, r.Json));
            return ValueTask.FromResult(new RecordPage([.. found], null, null));
        }

        public ValueTask<StoredRecord?> FindAsync(ResourceCall call, string id, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<ImmutableArray<ChangeResult>> ChangeAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, bool atomic, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<ReadOnlyMemory<byte>> RunAsync(ActivePlugin plugin, ToolDescriptor tool, CallContext context, ReadOnlyMemory<byte> input, CancellationToken cancellationToken) => throw new NotSupportedException();

        private static StoredRecord[] Records(string resource) => resource switch
        {
            "customers" => [Record(First, new { id = First, name = "c1" }), Record(Second, new { id = Second, name = "c2" })],
            "notes" => [Record(First, new { id = First, text = "n1" }), Record(Second, new { id = Second, text = "n2" })],
            _ => [Record(First, new { id = First, number = 1, buyer = First, seller = Second, watchers = new[] { First } })],
        };

        private static StoredRecord Record(string id, object fields) => new() { Id = id, Revision = 1, Json = JsonSerializer.SerializeToUtf8Bytes(fields) };
    }
}
