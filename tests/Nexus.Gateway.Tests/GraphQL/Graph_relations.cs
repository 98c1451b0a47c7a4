using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.GraphQL;

/// <summary>References between records are loaded a level at a time.</summary>
public sealed class Graph_relations
{
    [Fact]
    public async Task A_hundred_parents_with_their_children_and_what_those_refer_to_cost_three_questions()
    {
        var store = new Shop();
        for (var i = 0; i < 100; i++)
        {
            var customer = store.Add("customers", $$"""{"name":"C{{i}}"}""");
            for (var j = 0; j < 3; j++)
                store.Add("orders", $$"""{"number":{{(i * 3) + j}},"customer":"{{customer}}","product":"{{store.Ids["products"][j % store.Ids["products"].Count]}}"}""");
        }
        await using var host = await StartAsync(store);

        var answer = await host.QueryAsync("{ shopCustomers(first: 100) { nodes { name ordersByCustomer(first: 2, sort: [{field: number, descending: true}]) { number product { name } customer { name } } } } }");

        Assert.Null(answer["errors"]);
        var customers = answer["data"]!["shopCustomers"]!["nodes"]!.AsArray();
        Assert.Equal(100, customers.Count);
        Assert.Equal("""{"name":"C0","ordersByCustomer":[{"number":2,"product":{"name":"Pen"},"customer":{"name":"C0"}},{"number":1,"product":{"name":"Ink"},"customer":{"name":"C0"}}]}""", customers[0]!.ToJsonString());
        // The customers of the orders are those that were listed: nobody asks for them again.
        Assert.Equal(["customers", "orders", "products"], store.Asked);
    }

    [Fact]
    public async Task Parents_with_their_children_alone_cost_two_questions()
    {
        var store = new Shop();
        for (var i = 0; i < 100; i++)
            store.Add("orders", $$"""{"number":{{i}},"customer":"{{store.Add("customers", "{\"name\":\"C\"}")}}"}""");
        await using var host = await StartAsync(store);

        await host.QueryAsync("{ shopCustomers(first: 100) { nodes { id ordersByCustomer { number } } } }");

        Assert.Equal(["customers", "orders"], store.Asked);
    }

    [Fact]
    public async Task Attachments_of_a_hundred_records_are_one_question()
    {
        var store = new Shop();
        for (var i = 0; i < 100; i++)
            store.Add("orders", $$"""{"number":{{i}}}""");
        var files = new Files();
        await using var host = await StartAsync(store, files);

        var answer = await host.QueryAsync("{ shopOrders(first: 100) { nodes { id attachments { name size url } } } }");

        Assert.Null(answer["errors"]);
        var last = answer["data"]!["shopOrders"]!["nodes"]![99]!;
        Assert.Equal($$"""[{"name":"of {{last["id"]}}","size":5000000000,"url":"/api/custom/shop/orders/{{last["id"]}}/attachments/00000000-0000-7000-8000-0000000000aa"}]""", last["attachments"]!.ToJsonString());
        Assert.Equal([100], files.Asked);
    }

    [Fact]
    public async Task A_reference_answers_its_record_its_id_or_null()
    {
        var store = new Shop();
        var customer = store.Add("customers", """{"name":"Ada"}""");
        store.Add("orders", $$"""{"number":1,"customer":"{{customer}}"}""");
        store.Add("orders", """{"number":2,"customer":"00000000-0000-7000-8000-0000000000ff"}""");
        store.Add("orders", """{"number":3,"customer":null}""");
        await using var host = await StartAsync(store);

        var answer = await host.QueryAsync("{ shopOrders { nodes { number customerId customer { name } } } }");

        Assert.Equal($$$"""[{"number":1,"customerId":"{{{customer}}}","customer":{"name":"Ada"}},{"number":2,"customerId":"00000000-0000-7000-8000-0000000000ff","customer":null},{"number":3,"customerId":null,"customer":null}]""", answer["data"]!["shopOrders"]!["nodes"]!.ToJsonString());
    }

    [Fact]
    public async Task A_list_of_references_answers_its_records()
    {
        var store = new Shop();
        store.Add("customers", $$"""{"name":"Ada","favourites":["{{store.Ids["products"][0]}}","{{store.Ids["products"][1]}}"]}""");
        await using var host = await StartAsync(store);

        var answer = await host.QueryAsync("{ shopCustomers { nodes { favouritesIds favourites { name } } } }");

        Assert.Equal("""[{"name":"Pen"},{"name":"Ink"}]""", answer["data"]!["shopCustomers"]!["nodes"]![0]!["favourites"]!.ToJsonString());
        Assert.Equal(["customers", "products"], store.Asked);
    }

    [Fact]
    public async Task A_reference_is_sent_by_its_id_and_filtered_by_it()
    {
        var store = new Shop();
        var customer = store.Add("customers", """{"name":"Ada"}""");
        store.Add("orders", $$"""{"number":1,"customer":"{{customer}}"}""");
        store.Add("orders", """{"number":2}""");
        await using var host = await StartAsync(store);

        var answer = await host.QueryAsync("query($id: ID!) { shopOrders(filter: {customerId: {eq: $id}}) { nodes { number } } }", new { id = customer });

        Assert.Equal("""[{"number":1}]""", answer["data"]!["shopOrders"]!["nodes"]!.ToJsonString());
    }

    [Fact]
    public async Task A_refused_level_fails_each_field_and_leaves_the_rest()
    {
        var store = new Shop { Refused = "orders" };
        store.Add("customers", """{"name":"Ada"}""");
        store.Add("customers", """{"name":"Ben"}""");
        await using var host = await StartAsync(store);

        var answer = await host.QueryAsync("{ shopCustomers { nodes { name ordersByCustomer { number } } } }");

        Assert.Equal("""[{"name":"Ada","ordersByCustomer":null},{"name":"Ben","ordersByCustomer":null}]""", answer["data"]!["shopCustomers"]!["nodes"]!.ToJsonString());
        Assert.Equal(["PERMISSION_DENIED", "PERMISSION_DENIED"], answer["errors"]!.AsArray().Select(e => (string)e!["extensions"]!["code"]!));
        Assert.Equal("""["shopCustomers","nodes",1,"ordersByCustomer"]""", answer["errors"]![1]!["path"]!.ToJsonString());
    }

    private static async Task<GatewayHost> StartAsync(Shop store, Files? files = null)
    {
        var host = await GatewayHost.StartAsync(configure: services => services.AddSingleton<IResourceOperations>(store).AddSingleton<IAttachmentOperations>(files ?? new Files()));
        ResourceDescriptor Resource(string name, string singular, params FieldDescriptor[] fields) => new() { Plugin = "shop", Name = name, Singular = singular, Fields = [.. fields] };
        host.Plugins.Publish(FakePlugins.Plugin("shop") with
        {
            Resources =
            [
                Resource("customers", "Customer", new() { Name = "name", Kind = FieldKind.Text }, new() { Name = "favourites", Kind = FieldKind.List, Element = new() { Name = "favourite", Kind = FieldKind.Reference, Target = "products" } }),
                Resource("products", "Product", new FieldDescriptor { Name = "name", Kind = FieldKind.Text }),
                Resource("orders", "Order", new() { Name = "number", Kind = FieldKind.Integer }, new() { Name = "customer", Kind = FieldKind.Reference, Target = "shop.customers" }, new() { Name = "product", Kind = FieldKind.Reference, Target = "products" }) with { Attachments = files is null ? null : new AttachmentRules() },
            ],
        });
        return host;
    }

    /// <summary>One attachment at every record; notes of how many each question is.</summary>
    private sealed class Files : IAttachmentOperations
    {
        public List<int> Asked { get; } = [];

        public ValueTask<ImmutableDictionary<string, ImmutableArray<Attachment>>> ListAsync(ResourceCall call, ImmutableArray<string> ids, CancellationToken cancellationToken)
        {
            Asked.Add(ids.Length);
            return ValueTask.FromResult(ids.ToImmutableDictionary(id => id, id => ImmutableArray.Create(new Attachment { Id = Guid.Parse("00000000-0000-7000-8000-0000000000aa"), Name = $"of {id}", ContentType = "text/plain", Size = 5_000_000_000, Sha256 = "", CreatedAt = DateTimeOffset.UnixEpoch, CreatedBy = "ada" })));
        }

        public ValueTask<AttachmentsAdded> AddAsync(ResourceCall call, string id, IAsyncEnumerable<AttachmentUpload> files, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<OpenedAttachment?> OpenAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<OpenedAttachment?> OpenPictureAsync(ResourceCall call, string id, string attachment, int width, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask RemoveAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    /// <summary>Records of three resources; notes each question.</summary>
    private sealed class Shop : IResourceOperations
    {
        public ValueTask<ReadOnlyMemory<byte>> RunAsync(ActivePlugin plugin, ToolDescriptor tool, CallContext context, ReadOnlyMemory<byte> input, CancellationToken cancellationToken) => throw new NotSupportedException();

        private readonly Dictionary<string, List<StoredRecord>> records = new() { ["customers"] = [], ["products"] = [], ["orders"] = [] };
        private int next;

        public Shop()
        {
            Add("products", """{"name":"Pen"}""");
            Add("products", """{"name":"Ink"}""");
        }

        public List<string> Asked { get; } = [];

        public string? Refused { get; init; }

        public Dictionary<string, List<string>> Ids => records.ToDictionary(r => r.Key, r => r.Value.ConvertAll(one => one.Id));

        public string Add(string resource, string json)
        {
            var id = $"00000000-0000-7000-8000-{++next:D12}";
            var fields = (JsonObject)JsonNode.Parse(json)!;
            fields.Insert(0, "id", id);
            records[resource].Add(new StoredRecord { Id = id, Revision = 1, Json = Encoding.UTF8.GetBytes(fields.ToJsonString()) });
            return id;
        }

        public ValueTask<StoredRecord?> FindAsync(ResourceCall call, string id, CancellationToken cancellationToken) => ValueTask.FromResult(records[call.Resource.Name].Find(r => r.Id == id));

        public ValueTask<RecordPage> ListAsync(ResourceCall call, ResourceQuery query, CancellationToken cancellationToken)
        {
            if (call.Resource.Name == Refused)
                throw new NexusException(ErrorCodes.PermissionDenied, "Not these.");
            lock (Asked)
                Asked.Add(call.Resource.Name);
            var found = records[call.Resource.Name].Where(r => query.Filter is null || Holds(query.Filter, JsonElement.Parse(r.Json.Span)));
            if (query.Sort is [{ Field: "number", Descending: true }])
                found = found.OrderByDescending(r => JsonElement.Parse(r.Json.Span).GetProperty("number").GetInt32());
            return ValueTask.FromResult(new RecordPage([.. found.Take(query.Limit)], null));
        }

        public ValueTask<ImmutableArray<ChangeResult>> ChangeAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, bool atomic, CancellationToken cancellationToken) => throw new NotSupportedException();

        private static bool Holds(Filter filter, JsonElement record) => filter switch
        {
            Filter.In list => record.TryGetProperty(list.Path, out var value) && list.Values.Any(v => v.ToString() == value.ToString()),
            Filter.Compare one => record.TryGetProperty(one.Path, out var value) && value.ToString() == one.Value.ToString(),
            Filter.And all => all.Parts.All(part => Holds(part, record)),
            _ => throw new NotSupportedException(filter.ToString()),
        };
    }
}
