using System.Text.Json.Nodes;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.GraphQL.Federation;

/// <summary>Fields that a subgraph gives out of what others have: <c>@requires</c>.</summary>
public sealed class Graph_requirements
{
    private const string Link = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", import: [\"@key\", \"@shareable\", \"@external\", \"@requires\", \"@inaccessible\"]) ";

    private const string Goods = Link + """
        type Query { goods: [Good] }
        type Good @key(fields: "id") { id: ID! name: String weight(unit: String = "kg"): Int size: Size secret: Int }
        type Size @shareable { w: Int h: Int }
        """;

    private const string GoodsData = """
        {
          "Query": {"goods": [
            {"id": "g1", "name": "Lamp", "weight": 3, "size": {"w": 1, "h": 2}, "secret": 9},
            {"id": "g2", "name": "Bed", "weight": 40, "size": null, "secret": {"$error": "Not for you."}},
            {"id": "g1", "name": "Lamp", "weight": 3, "size": {"w": 1, "h": 2}, "secret": 9}]},
          "Good": {"g1": {"__typename": "Good", "id": "g1", "name": "Lamp", "weight": 3, "size": {"w": 1, "h": 2}, "secret": 9}, "g2": {"__typename": "Good", "id": "g2", "name": "Bed", "weight": 40, "size": null, "secret": {"$error": "Not for you."}}}
        }
        """;

    private const string Prices = Link + """
        type Query { prices: Int }
        type Good @key(fields: "id") { id: ID! price: Int @inaccessible net: Int @requires(fields: "postage") postage: String @external }
        """;

    private const string PricesData = """{"Good": {"g1": {"__typename": "Good", "id": "g1", "price": 20, "net": 17}, "g2": {"__typename": "Good", "id": "g2", "price": null, "net": 300}}}""";

    private const string Post = Link + """
        type Query { sent: [Good] }
        type Good @key(fields: "id") {
          id: ID!
          weight(unit: String = "kg"): Int @external
          size: Size @external
          price: Int @external
          secret: Int @external
          box: String @requires(fields: "size { w h }")
          postage: String @requires(fields: "weight(unit: \"g\") price")
          seal: String! @requires(fields: "secret")
          parcel: String @requires(fields: "weight(unit: \"g\") price")
        }
        type Size @shareable { w: Int h: Int }
        """;

    private const string PostData = """
        {
          "Query": {"sent": [{"id": "g2"}, {"id": "g1"}]},
          "Good": {
            "g1": {"__typename": "Good", "id": "g1", "box": "=size", "postage": "=weight price", "seal": "=secret", "parcel": "=price"},
            "g2": {"__typename": "Good", "id": "g2", "box": "=size", "postage": "=weight price", "seal": "=secret", "parcel": "=price"}
          }
        }
        """;

    [Fact]
    public async Task What_a_field_requires_is_fetched_before_in_one_question_for_all()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = await fixture.QueryAsync("{ goods { name box } }");

        Assert.Equal("""{"data":{"goods":[{"name":"Lamp","box":"{\u0022w\u0022:1,\u0022h\u0022:2}"},{"name":"Bed","box":"null"},{"name":"Lamp","box":"{\u0022w\u0022:1,\u0022h\u0022:2}"}]}}""", answer);
        Assert.Matches("^query { goods { name nexusKey_Good_size_[0-9a-f]{8}: size { w h } nexusKey_Good_id: id } }$", Assert.Single(fixture.Goods.Queries));
        Assert.Equal("""{"nexusKeys0":[{"__typename":"Good","id":"g1","size":{"w":1,"h":2}},{"__typename":"Good","id":"g2","size":null}]}""", Assert.Single(fixture.Post.Asked).Variables);
        Assert.Empty(fixture.Prices.Queries);
    }

    [Fact]
    public async Task What_callers_do_not_see_is_told_among_subgraphs_alone()
    {
        await using var fixture = await Fixture.StartAsync();

        var needed = await fixture.QueryAsync("{ goods { parcel } }");
        var asked = await fixture.QueryAsync("{ goods { price } }");

        Assert.Equal("""{"data":{"goods":[{"parcel":"20"},{"parcel":"null"},{"parcel":"20"}]}}""", needed);
        Assert.Contains("Cannot query field \\u0022price\\u0022 on type \\u0022Good\\u0022.", asked, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_several_subgraphs_have_is_gathered_on_the_way()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = await fixture.QueryAsync("{ goods { postage weight parcel } }");

        Assert.Equal("""{"data":{"goods":[{"postage":"3 20","weight":3,"parcel":"20"},{"postage":"40 null","weight":40,"parcel":"null"},{"postage":"3 20","weight":3,"parcel":"20"}]}}""", answer);
        Assert.Matches("^query { goods { weight nexusKey_Good_weight_[0-9a-f]{8}: weight\\(unit: \"g\"\\) nexusKey_Good_id: id } }$", Assert.Single(fixture.Goods.Queries));
        Assert.Equal("query($nexusKeys0: [_Any!]!) { nexusEntities0: _entities(representations: $nexusKeys0) { ... on Good { nexusKey_Good_price: price } } }", Assert.Single(fixture.Prices.Queries));
        Assert.Equal("query($nexusKeys0: [_Any!]!) { nexusEntities0: _entities(representations: $nexusKeys0) { ... on Good { postage parcel } } }", Assert.Single(fixture.Post.Queries));
        Assert.Equal("""{"nexusKeys0":[{"__typename":"Good","id":"g1","weight":3,"price":20},{"__typename":"Good","id":"g2","weight":40,"price":null}]}""", fixture.Post.Asked[0].Variables);
    }

    [Fact]
    public async Task A_subgraph_that_gave_the_object_is_asked_again_with_what_it_lacks()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = await fixture.QueryAsync("{ sent { id box again: box } }");

        Assert.Equal("""{"data":{"sent":[{"id":"g2","box":"null","again":"null"},{"id":"g1","box":"{\u0022w\u0022:1,\u0022h\u0022:2}","again":"{\u0022w\u0022:1,\u0022h\u0022:2}"}]}}""", answer);
        Assert.Equal(["query { sent { id nexusKey_Good_id: id } }", "query($nexusKeys0: [_Any!]!) { nexusEntities0: _entities(representations: $nexusKeys0) { ... on Good { box again: box } } }"], fixture.Post.Queries);
        Assert.Single(fixture.Goods.Queries);
    }

    [Fact]
    public async Task A_requirement_may_have_requirements()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = await fixture.QueryAsync("{ goods { name net } }");

        Assert.Equal("""{"data":{"goods":[{"name":"Lamp","net":17},{"name":"Bed","net":300},{"name":"Lamp","net":17}]}}""", answer);
        Assert.Equal("""{"nexusKeys0":[{"__typename":"Good","id":"g1","postage":"3 20"},{"__typename":"Good","id":"g2","postage":"40 null"}]}""", fixture.Prices.Asked[1].Variables);
        Assert.Equal((1, 2, 1), (fixture.Goods.Queries.Length, fixture.Prices.Queries.Length, fixture.Post.Queries.Length));
    }

    [Fact]
    public async Task What_cannot_be_fetched_costs_the_fields_that_require_it_and_nothing_else()
    {
        await using var fixture = await Fixture.StartAsync();
        await fixture.QueryAsync("{ __typename }");
        fixture.Prices.IsDown = true;

        var answer = JsonNode.Parse(await fixture.QueryAsync("{ goods { name box postage net } }"))!;

        Assert.Equal("""[{"name":"Lamp","box":"{\u0022w\u0022:1,\u0022h\u0022:2}","postage":null,"net":null},{"name":"Bed","box":"null","postage":null,"net":null},{"name":"Lamp","box":"{\u0022w\u0022:1,\u0022h\u0022:2}","postage":null,"net":null}]""", Plain(answer["data"]!["goods"]!));
        Assert.Equal(
            ["""["goods",0,"net"]""", """["goods",0,"postage"]""", """["goods",1,"net"]""", """["goods",1,"postage"]""", """["goods",2,"net"]""", """["goods",2,"postage"]"""],
            answer["errors"]!.AsArray().Select(error => error!["path"]!.ToJsonString()).Order(StringComparer.Ordinal));
        Assert.All(answer["errors"]!.AsArray(), error => Assert.Equal(("SERVICE_UNAVAILABLE", "prices"), ((string?)error!["extensions"]!["code"], (string?)error["extensions"]!["subgraph"])));
    }

    [Fact]
    public async Task A_required_value_that_failed_is_no_null_and_its_reason_is_told_at_the_field()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = JsonNode.Parse(await fixture.QueryAsync("{ goods { name seal } }"))!;

        Assert.Equal("""[{"name":"Lamp","seal":"9"},null,{"name":"Lamp","seal":"9"}]""", Plain(answer["data"]!["goods"]!));
        Assert.Equal("""["goods",1,"seal"] Not for you.""", $"{Assert.Single(answer["errors"]!.AsArray())!["path"]!.ToJsonString()} {answer["errors"]![0]!["message"]}");
        Assert.DoesNotContain("g2", fixture.Post.Asked[0].Variables, StringComparison.Ordinal);
    }

    private static string Plain(JsonNode node) => node.ToJsonString();

    private sealed class Fixture : IAsyncDisposable
    {
        public required FakeSubgraph Goods { get; init; }

        public required FakeSubgraph Prices { get; init; }

        public required FakeSubgraph Post { get; init; }

        public required GatewayHost Host { get; init; }

        public static async Task<Fixture> StartAsync()
        {
            var (goods, prices, post) = (await FakeSubgraph.StartAsync(Graph_requirements.Goods, GoodsData), await FakeSubgraph.StartAsync(Graph_requirements.Prices, PricesData), await FakeSubgraph.StartAsync(Graph_requirements.Post, PostData));
            var host = await GatewayHost.StartAsync([("graphql:subgraphs:goods:url", goods.Url), ("graphql:subgraphs:prices:url", prices.Url), ("graphql:subgraphs:post:url", post.Url)]);
            return new Fixture { Goods = goods, Prices = prices, Post = post, Host = host };
        }

        public async Task<string> QueryAsync(string query)
        {
            using var answer = await Host.PostAsync(query, null, "application/json");
            return await answer.Content.ReadAsStringAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await Host.DisposeAsync();
            await Goods.DisposeAsync();
            await Prices.DisposeAsync();
            await Post.DisposeAsync();
        }
    }
}
