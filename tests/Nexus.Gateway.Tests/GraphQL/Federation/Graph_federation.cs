using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.GraphQL.Federation;

/// <summary>A node that composes subgraphs and answers operations that span them.</summary>
public sealed class Graph_federation
{
    private const string Link = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", import: [\"@key\", \"@shareable\", \"@external\"]) ";

    private const string Orders = Link + """
        type Query { order(id: ID!): Order orders(first: Int, state: State): [Order] strict: Order! }
        type Mutation { pay(id: ID!): Order! cancel(id: ID!): Order! }
        enum State { OPEN PAID }
        type Order { number: Int! state: State customer: Customer watchers: [Customer!] subject: Subject }
        union Subject = Customer | Note
        type Note { text: String }
        type Customer @key(fields: "id") { id: ID! orders: [Order] }
        """;

    private const string OrdersData = """
        {
          "Query": {
            "order": {"number": 7, "state": "OPEN", "customer": {"id": "c1"}, "watchers": [{"id": "c2"}, {"id": "c1"}]},
            "orders": [
              {"number": 1, "customer": {"id": "c1"}, "subject": {"__typename": "Note", "text": "n"}},
              {"number": 2, "customer": {"id": "c2"}, "subject": {"__typename": "Customer", "id": "c2"}},
              {"number": 3, "customer": {"id": "c1"}},
              {"number": 4, "customer": null}
            ],
            "strict": {"$error": "No order today."}
          },
          "Mutation": {"pay": {"number": 7, "state": "PAID", "customer": {"id": "c1"}}, "cancel": {"$error": "It is paid."}},
          "Customer": {"c1": {"__typename": "Customer", "id": "c1", "orders": [{"number": 1}, {"number": 3}]}, "c2": {"__typename": "Customer", "id": "c2", "orders": [{"number": 2}]}}
        }
        """;

    private const string Crm = Link + """
        type Query { customer(id: ID!): Customer me: Customer }
        type Mutation { rename(name: String): Customer }
        type Customer @key(fields: "id") { id: ID! name(upper: Boolean = false): String! credit: Int secret: String any: Json } scalar Json
        """;

    private const string CrmData = """
        {
          "Query": {"customer": {"id": "c1", "name": "Ada", "credit": 5}, "me": {"id": "c2", "name": "Ben", "secret": {"$error": "Not for you."}}},
          "Mutation": {"rename": {"id": "c1", "name": "Eve"}},
          "Customer": {"c1": {"__typename": "Customer", "id": "c1", "name": "Ada", "credit": 5}, "c2": {"__typename": "Customer", "id": "c2", "name": "Ben", "credit": null, "secret": {"$error": "Not for you."}}}
        }
        """;

    [Fact]
    public async Task One_query_spans_two_subgraphs_with_one_request_each_and_level()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = await fixture.QueryAsync("{ orders { number customer { name } } me { name } }");

        Assert.Equal("""{"data":{"orders":[{"number":1,"customer":{"name":"Ada"}},{"number":2,"customer":{"name":"Ben"}},{"number":3,"customer":{"name":"Ada"}},{"number":4,"customer":null}],"me":{"name":"Ben"}}}""", answer);
        Assert.Equal(["query { orders { number customer { nexusKey_Customer_id: id } } }"], fixture.Orders.Queries);
        Assert.Equal(["query { me { name } }", "query($nexusKeys0: [_Any!]!) { nexusEntities0: _entities(representations: $nexusKeys0) { ... on Customer { name } } }"], fixture.Crm.Queries);
        Assert.Equal("""{"nexusKeys0":[{"__typename":"Customer","id":"c1"},{"__typename":"Customer","id":"c2"}]}""", fixture.Crm.Asked[1].Variables);
    }

    [Fact]
    public async Task Steps_of_one_level_share_a_request_and_lead_back_to_where_they_began()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = await fixture.QueryAsync("{ order(id: 1) { customer { name } watchers { id credit } } me { orders { number customer { name } } } }");

        Assert.Equal("""{"data":{"order":{"customer":{"name":"Ada"},"watchers":[{"id":"c2","credit":null},{"id":"c1","credit":5}]},"me":{"orders":[{"number":2,"customer":null}]}}}""", answer);
        Assert.Equal(2, fixture.Crm.Queries.Length);
        Assert.Equal("query($nexusKeys0: [_Any!]!, $nexusKeys1: [_Any!]!) { nexusEntities0: _entities(representations: $nexusKeys0) { ... on Customer { name } } nexusEntities1: _entities(representations: $nexusKeys1) { ... on Customer { credit } } }", fixture.Crm.Queries[1]);
        Assert.Equal("query($nexusKeys0: [_Any!]!) { nexusEntities0: _entities(representations: $nexusKeys0) { ... on Customer { orders { number customer { nexusKey_Customer_id: id } } } } }", fixture.Orders.Queries[1]);
    }

    [Fact]
    public async Task Aliases_fragments_variables_and_conditions_mean_what_they_mean_anywhere()
    {
        await using var fixture = await Fixture.StartAsync();
        const string Query = """
            query Q($id: ID!, $up: Boolean, $no: Boolean!, $state: State = OPEN) {
              z: orders(first: 2, state: $state) { ...Parts }
              b: customer(id: $id) { id: name(upper: $up) kind: __typename name @skip(if: $no) ... @include(if: $no) { credit } }
              __typename
              a: order(id: $id) { ...Parts }
            }
            fragment Parts on Order { no: number customer { ...Who } }
            fragment Who on Customer { id: name called: name }
            """;

        var answer = await fixture.QueryAsync(Query, new { id = "x", up = true, no = true });

        Assert.Equal("""{"data":{"z":[{"no":1,"customer":{"id":"Ada","called":"Ada"}},{"no":2,"customer":{"id":"Ben","called":"Ben"}},{"no":3,"customer":{"id":"Ada","called":"Ada"}},{"no":4,"customer":null}],"b":{"id":"Ada","kind":"Customer","credit":5},"__typename":"Query","a":{"no":7,"customer":{"id":"Ada","called":"Ada"}}}}""", answer);
        Assert.Equal(["query($id: ID!, $state: State = OPEN) { z: orders(first: 2, state: $state) { no: number customer { nexusKey_Customer_id: id } } a: order(id: $id) { no: number customer { nexusKey_Customer_id: id } } }"], fixture.Orders.Queries);
        Assert.Equal("""{"id":"x"}""", fixture.Orders.Asked[0].Variables);
        Assert.Equal("query($id: ID!, $up: Boolean) { b: customer(id: $id) { id: name(upper: $up) credit } }", fixture.Crm.Queries[0]);
    }

    [Fact]
    public async Task Of_a_union_each_type_is_asked_for_what_it_has()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = await fixture.QueryAsync("{ orders { subject { __typename ... on Note { text } ... on Customer { name } } } }");

        Assert.Equal("""[{"subject":{"__typename":"Note","text":"n"}},{"subject":{"__typename":"Customer","name":"Ben"}},{"subject":null},{"subject":null}]""", JsonNode.Parse(answer)!["data"]!["orders"]!.ToJsonString());
        Assert.Equal("query { orders { subject { nexusType: __typename ... on Customer { nexusKey_Customer_id: id } ... on Note { text } } } }", fixture.Orders.Queries[0]);
    }

    [Fact]
    public async Task A_subgraph_that_is_down_leaves_null_with_an_error_and_all_else_and_is_whole_again_when_it_is_back()
    {
        await using var fixture = await Fixture.StartAsync();
        const string Query = "{ orders { number customer { id credit } } customer(id: 1) { name } }";
        await fixture.QueryAsync(Query);
        fixture.Crm.IsDown = true;

        var partial = JsonNode.Parse(await fixture.QueryAsync(Query))!;
        var metrics = await fixture.Host.Client.GetStringAsync("/metrics");
        var health = JsonNode.Parse(await fixture.Host.Client.GetStringAsync("/health"))!;
        fixture.Crm.IsDown = false;

        Assert.Equal("""{"orders":[{"number":1,"customer":{"id":"c1","credit":null}},{"number":2,"customer":{"id":"c2","credit":null}},{"number":3,"customer":{"id":"c1","credit":null}},{"number":4,"customer":null}],"customer":null}""", partial["data"]!.ToJsonString());
        Assert.Equal(
            ["""["customer"]""", """["orders",0,"customer","credit"]""", """["orders",1,"customer","credit"]""", """["orders",2,"customer","credit"]"""],
            partial["errors"]!.AsArray().Select(e => e!["path"]!.ToJsonString()).Order());
        Assert.All(partial["errors"]!.AsArray(), e => Assert.Equal(("SERVICE_UNAVAILABLE", "crm"), ((string?)e!["extensions"]!["code"], (string?)e["extensions"]!["subgraph"])));
        Assert.Equal("""[{"line":1,"column":44}]""", partial["errors"]!.AsArray().First(e => e!["path"]!.AsArray().Count == 1)!["locations"]!.ToJsonString());
        Assert.Equal(("Degraded", "Not answering: crm. Fields of theirs are null, everything else is served."), ((string?)health["status"], (string?)health["dependencies"]!.AsArray().Single(d => (string?)d!["name"] == "subgraphs")!["detail"]));
        Assert.Matches("nexus_subgraph_requests_total\\{subgraph=\"crm\",outcome=\"answered\"\\} [1-9]", metrics);
        Assert.Matches("nexus_subgraph_requests_total\\{subgraph=\"crm\",outcome=\"failed\"\\} [1-9]", metrics);
        Assert.Contains("nexus_subgraph_requests_total{subgraph=\"orders\",outcome=\"failed\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Matches("nexus_subgraph_request_duration_seconds_count\\{subgraph=\"crm\"\\} [2-9]", metrics);
        Assert.Contains("nexus_subgraph_breaker_state{subgraph=\"orders\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("nexus_subgraph_requests_in_flight{subgraph=\"crm\"} 0\n", metrics, StringComparison.Ordinal);
        await fixture.UntilAsync(Query, answer => !answer.Contains("errors", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_missing_value_that_may_not_be_null_takes_the_object_around_it()
    {
        await using var fixture = await Fixture.StartAsync();
        await fixture.QueryAsync("{ __typename }");
        fixture.Crm.IsDown = true;

        var answer = JsonNode.Parse(await fixture.QueryAsync("{ order(id: 1) { number customer { name } watchers { name } } }"))!;

        Assert.Equal("""{"order":{"number":7,"customer":null,"watchers":null}}""", answer["data"]!.ToJsonString());
        Assert.Equal(["""["order","customer","name"] SERVICE_UNAVAILABLE""", """["order","watchers",0,"name"] SERVICE_UNAVAILABLE"""], answer["errors"]!.AsArray().Select(e => $"{e!["path"]!.ToJsonString()} {e["extensions"]!["code"]}").Order());
    }

    [Fact]
    public async Task Errors_of_subgraphs_stand_where_the_caller_asked()
    {
        await using var fixture = await Fixture.StartAsync();

        var answer = JsonNode.Parse(await fixture.QueryAsync("{ all: orders { who: customer { hidden: secret credit } } mine: me { s: secret name } }"))!;
        var strict = JsonNode.Parse(await fixture.QueryAsync("{ me { name } strict { number } }"))!;

        Assert.Equal("""{"s":null,"name":"Ben"}""", answer["data"]!["mine"]!.ToJsonString());
        Assert.Equal(["""["all",1,"who","hidden"] Not for you. BAD_REQUEST""", """["mine","s"] Not for you. BAD_REQUEST"""], answer["errors"]!.AsArray().Select(e => $"{e!["path"]!.ToJsonString()} {e["message"]} {e["extensions"]!["code"]}").Order());
        Assert.Null(strict["data"]);
        Assert.Equal("""["strict"]""", strict.Error()["path"]!.ToJsonString());
    }

    [Fact]
    public async Task An_entity_that_is_refused_or_unknown_is_an_error_or_null_at_its_fields()
    {
        await using var fixture = await Fixture.StartAsync(crmData: """{"Customer": {"c1": {"$error": "Not yours."}}}""");

        var answer = JsonNode.Parse(await fixture.QueryAsync("{ orders { customer { id credit } } }"))!;

        Assert.Equal("""[{"customer":{"id":"c1","credit":null}},{"customer":{"id":"c2","credit":null}},{"customer":{"id":"c1","credit":null}},{"customer":null}]""", answer["data"]!["orders"]!.ToJsonString());
        Assert.Equal(["""["orders",0,"customer","credit"] PERMISSION_DENIED""", """["orders",2,"customer","credit"] PERMISSION_DENIED"""], answer["errors"]!.AsArray().Select(e => $"{e!["path"]!.ToJsonString()} {e["extensions"]!["code"]}"));
    }

    [Theory]
    [InlineData("<html>", 200, "SERVICE_UNAVAILABLE", "The subgraph crm answered with status 200 and without an answer of GraphQL.")]
    [InlineData("""{"data":{"me":7}}""", 200, "SERVICE_UNAVAILABLE", "The subgraph crm answered what its schema does not say.")]
    [InlineData("""{"data":{"me":[1]}}""", 200, "SERVICE_UNAVAILABLE", "The subgraph crm answered what its schema does not say.")]
    [InlineData("""{"data":{"me":{"name":"\ud800"}}}""", 200, "SERVICE_UNAVAILABLE", "The subgraph crm answered what its schema does not say.")]
    [InlineData("""{"data":{"me":{"any":{"x":"\ud800"}}}}""", 200, "SERVICE_UNAVAILABLE", "The subgraph crm answered what its schema does not say.")]
    [InlineData("""{"errors":[{"message":"\ud800"}]}""", 200, "SERVICE_UNAVAILABLE", "The subgraph crm answered what its schema does not say.")]
    [InlineData("""{"errors":[7]}""", 200, "SERVICE_UNAVAILABLE", "The subgraph crm answered what its schema does not say.")]
    [InlineData("""{"errors":[{"message":"No.","extensions":{"code":"X","why":[1]}}]}""", 400, "X", "No.")]
    [InlineData("""{"code":"AUTHENTICATION_REQUIRED"}""", 401, "AUTHENTICATION_REQUIRED", "The subgraph crm does not know the caller.")]
    [InlineData("", 429, "RATE_LIMITED", "The subgraph crm has had too many requests.")]
    [InlineData("""{"data":{"me":null}}""", 503, "SERVICE_UNAVAILABLE", "The subgraph crm answered with status 503 and without an answer of GraphQL.")]
    public async Task Garbage_of_a_subgraph_is_an_error_at_its_fields(string body, int status, string code, string message)
    {
        await using var fixture = await Fixture.StartAsync();
        fixture.Crm.Instead = async (context, _) =>
        {
            context.Response.StatusCode = status;
            await context.Response.WriteAsync(body);
            return true;
        };

        var answer = JsonNode.Parse(await fixture.QueryAsync("{ me { name any } order(id: 1) { number } }"))!;

        Assert.Equal("""{"me":null,"order":{"number":7}}""", answer["data"]!.ToJsonString());
        Assert.Equal((code, message, """["me"]"""), ((string)answer.Error()["extensions"]!["code"]!, (string)answer.Error()["message"]!, answer.Error()["path"]!.ToJsonString()));
    }

    [Fact]
    public async Task A_subgraph_that_is_slow_or_never_ends_is_given_up()
    {
        await using var fixture = await Fixture.StartAsync(("graphql:subgraphs:crm:timeoutSeconds", "2"), ("graphql:subgraphs:crm:answerBytes", "5000"));
        await fixture.UntilAsync("{ me { name } }", answer => answer == """{"data":{"me":{"name":"Ben"}}}""");
        var released = new TaskCompletionSource();
        fixture.Crm.Instead = async (_, _) =>
        {
            await released.Task;
            return false;
        };

        var clock = Stopwatch.StartNew();
        var late = JsonNode.Parse(await fixture.QueryAsync("{ me { name } order(id: 1) { number } }"))!;
        clock.Stop();
        released.SetResult();
        fixture.Crm.Instead = async (context, _) =>
        {
            await context.Response.WriteAsync(new string(' ', 6000));
            return true;
        };
        await fixture.UntilAsync("{ me { name } }", answer => answer.Contains("The subgraph crm answered with more than 5000 bytes.", StringComparison.Ordinal));

        Assert.Equal("""{"me":null,"order":{"number":7}}""", late["data"]!.ToJsonString());
        Assert.Equal("The subgraph crm did not answer within 2 s.", (string)late.Error()["message"]!);
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(1.9), TimeSpan.FromSeconds(25));
    }

    [Fact]
    public async Task Changes_run_one_after_another_and_stop_at_one_that_fails_the_whole()
    {
        await using var fixture = await Fixture.StartAsync();
        var order = new List<string>();
        fixture.Orders.Instead = fixture.Crm.Instead = (_, query) =>
        {
            lock (order)
                order.Add(query);
            return Task.FromResult(false);
        };

        var good = await fixture.QueryAsync("mutation($n: String) { pay(id: 1) { customer { name } } rename(name: $n) { name } }", new { n = "Eve" });
        var bad = JsonNode.Parse(await fixture.QueryAsync("mutation { cancel(id: 1) { number } rename { name } }"))!;

        Assert.Equal("""{"data":{"pay":{"customer":{"name":"Ada"}},"rename":{"name":"Eve"}}}""", good);
        Assert.Equal(
            [
                "mutation { pay(id: 1) { customer { nexusKey_Customer_id: id } } }", "query($nexusKeys0: [_Any!]!) { nexusEntities0: _entities(representations: $nexusKeys0) { ... on Customer { name } } }",
                "mutation($n: String) { rename(name: $n) { name } }", "mutation { cancel(id: 1) { number } }",
            ],
            order);
        Assert.Null(bad["data"]);
        Assert.Equal("""["cancel"] It is paid.""", $"{bad.Error()["path"]!.ToJsonString()} {bad.Error()["message"]}");
    }

    [Fact]
    public async Task A_change_that_is_sent_with_a_key_has_one_of_its_own_at_the_subgraph()
    {
        await using var fixture = await Fixture.StartAsync();

        using var answer = await fixture.Host.PostAsync("mutation { first: pay(id: 1) { customer { credit } } second: pay(id: 2) { number } }", null, "application/json", ("Idempotency-Key", "k"));
        using var other = await fixture.Host.PostAsync("mutation { rename { name } }", null, "application/json", ("Idempotency-Key", new string('k', 200)));

        Assert.Equal(["k#first", "k#second"], fixture.Orders.Asked.Select(one => one.Headers["Idempotency-Key"]));
        Assert.DoesNotContain("Idempotency-Key", fixture.Crm.Asked[0].Headers.Keys);
        Assert.Matches("^[0-9a-f]{64}$", fixture.Crm.Asked[1].Headers["Idempotency-Key"]);
    }

    [Fact]
    public async Task A_key_may_have_several_fields_and_fields_below_them()
    {
        await using var a = await FakeSubgraph.StartAsync(Link + """type Query { t: T n: T } type T @key(fields: "at { place } code") { at: At code: ID x: Int } type At @shareable { place: String }""", """{"Query": {"t": {"at": {"place": "p"}, "code": "c"}, "n": {"at": null, "code": "c"}}}""");
        await using var b = await FakeSubgraph.StartAsync(Link + """type Query { b: Int } type T @key(fields: "at { place } code") { at: At code: ID y: Int } type At @shareable { place: String }""", """{"T": {"c": {"__typename": "T", "y": 5}}}""");
        await using var host = await GatewayHost.StartAsync([("graphql:subgraphs:a:url", a.Url), ("graphql:subgraphs:b:url", b.Url)]);

        var answer = await host.QueryAsync("{ t { code: y } n { y } }");

        Assert.Equal("""{"t":{"code":5},"n":{"y":null}}""", answer["data"]!.ToJsonString());
        Assert.Equal("query { t { nexusKey_T_at_0a42482d: at { place } nexusKey_T_code: code } n { nexusKey_T_at_0a42482d: at { place } nexusKey_T_code: code } }", Assert.Single(a.Queries));
        Assert.Equal("""{"nexusKeys0":[{"__typename":"T","at":{"place":"p"},"code":"c"}]}""", Assert.Single(b.Asked).Variables);
        Assert.Equal("""["n","y"] The subgraph b cannot be asked: the key of the T is null.""", $"{answer.Error()["path"]!.ToJsonString()} {answer.Error()["message"]}");
    }

    [Fact]
    public async Task Of_thousands_of_missing_values_a_hundred_errors_are_told()
    {
        var customers = string.Join(',', Enumerable.Range(0, 1500).Select(i => $$"""{"customer": {"id": "c{{i}}"}, "number": {{i}} }"""));
        await using var orders = await FakeSubgraph.StartAsync(Orders, $$"""{"Query": {"orders": [{{customers}}] } }""");
        await using var crm = await FakeSubgraph.StartAsync(Crm);
        await using var host = await GatewayHost.StartAsync([("graphql:subgraphs:orders:url", orders.Url), ("graphql:subgraphs:crm:url", crm.Url)]);
        await host.QueryAsync("{ __typename }");

        await host.QueryAsync("{ orders { customer { credit } } }");
        crm.IsDown = true;
        var answer = await host.QueryAsync("{ orders { customer { id credit } } }");

        // No more than a thousand entities a question, and one request for all.
        Assert.Contains("nexusEntities1: _entities(representations: $nexusKeys1)", Assert.Single(crm.Queries), StringComparison.Ordinal);
        Assert.Equal("c1499", (string?)answer["data"]!["orders"]![1499]!["customer"]!["id"]);
        Assert.Equal(101, answer["errors"]!.AsArray().Count);
        Assert.Equal("1400 further errors are left out.", (string?)answer["errors"]![100]!["message"]);
    }

    [Fact]
    public async Task Subgraphs_are_told_who_calls_and_of_which_trace()
    {
        await using var fixture = await Fixture.StartAsync();

        using var answer = await fixture.Host.PostAsync("{ orders { customer { name } } }", null, "application/json", ("Authorization", "Bearer t"), ("X-API-Key", "k"), ("Cookie", "a=b"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));

        Assert.Equal(200, (int)answer.StatusCode);
        foreach (var (_, _, headers) in fixture.Orders.Asked.Concat(fixture.Crm.Asked))
        {
            Assert.Equal("Bearer t", headers["Authorization"]);
            Assert.Equal("k", headers["X-API-Key"]);
            Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", headers["traceparent"], StringComparison.Ordinal);
            Assert.NotEmpty(headers["X-Request-ID"]);
            Assert.DoesNotContain("Cookie", headers.Keys);
        }
    }

    [Fact]
    public async Task Operations_are_checked_before_a_subgraph_is_asked()
    {
        await using var fixture = await Fixture.StartAsync(("graphql:depth", "3"), ("graphql:cost", "50"));

        var unknown = JsonNode.Parse(await fixture.QueryAsync("{ me { nome } }"))!;
        var deep = JsonNode.Parse(await fixture.QueryAsync("{ me { orders { customer { name } } } }"))!;
        var wide = JsonNode.Parse(await fixture.QueryAsync("{ orders(first: 100) { number } }"))!;
        var variable = JsonNode.Parse(await fixture.QueryAsync("query($id: ID!) { customer(id: $id) { name } }"))!;

        Assert.Equal("Cannot query field \"nome\" on type \"Customer\". Did you mean \"name\"?", (string?)unknown.Error()["message"]);
        Assert.Contains("4 levels deep", (string?)deep.Error()["message"], StringComparison.Ordinal);
        Assert.Contains("up to 100 objects", (string?)wide.Error()["message"], StringComparison.Ordinal);
        Assert.StartsWith("Variable \"$id\"", (string?)variable.Error()["message"], StringComparison.Ordinal);
        Assert.Empty(fixture.Orders.Queries.Concat(fixture.Crm.Queries));
    }

    [Fact]
    public async Task The_composed_schema_follows_its_subgraphs_and_stays_where_they_contradict_each_other()
    {
        await using var fixture = await Fixture.StartAsync(("graphql:subgraphSeconds", "0.1"));
        await fixture.QueryAsync("{ me { name } }");

        fixture.Crm.Text = Crm.Replace("me: Customer", "me: Customer myself: Customer", StringComparison.Ordinal);
        await fixture.UntilAsync("{ myself { id } }", answer => answer == """{"data":{"myself":null}}""");
        fixture.Crm.Text = Crm.Replace("me: Customer", "orders: Int", StringComparison.Ordinal);
        await Until.HoldsAsync(() => fixture.Host.Log.Lines.Any(line => line.Contains("Query.orders is given by crm and orders, and crm does not mark it @shareable; let one of them give it.", StringComparison.Ordinal)));

        Assert.Contains("\"myself\"", await fixture.QueryAsync("""{ __type(name: "Query") { fields { name } } }"""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_served_while_no_subgraph_has_told_its_schema_and_what_is_there_once_one_has()
    {
        await using var fixture = await Fixture.StartAsync();
        fixture.Orders.IsDown = true;
        fixture.Crm.IsDown = true;
        await using var host = await GatewayHost.StartAsync([("graphql:subgraphs:orders:url", fixture.Orders.Url), ("graphql:subgraphs:crm:url", fixture.Crm.Url)]);

        var none = JsonNode.Parse(await fixture.QueryAsync("{ me { name } }", on: host))!;
        fixture.Crm.IsDown = false;
        await fixture.UntilAsync("{ me { name } }", answer => answer == """{"data":{"me":{"name":"Ben"}}}""", host);
        fixture.Orders.IsDown = false;
        await fixture.UntilAsync("{ me { name orders { number } } }", answer => answer == """{"data":{"me":{"name":"Ben","orders":[{"number":2}]}}}""", host);

        Assert.Equal("SERVICE_UNAVAILABLE", (string?)none.Error()["extensions"]!["code"]);
        Assert.Equal("None of the subgraphs has told its schema yet: crm, orders.", (string?)none.Error()["message"]);
    }

    [Fact]
    public async Task Subgraphs_are_taken_from_the_configuration_while_the_node_runs()
    {
        await using var fixture = await Fixture.StartAsync();
        await using var host = await GatewayHost.StartAsync();
        var configuration = (IConfigurationRoot)host.Services.GetRequiredService<IConfiguration>();

        var own = await fixture.QueryAsync("{ order(id: 1) { number } }", on: host);
        configuration["graphql:subgraphs:one:url"] = fixture.Crm.Url;
        configuration.Reload();
        await fixture.UntilAsync("{ me { name } }", answer => answer == """{"data":{"me":{"name":"Ben"}}}""", host);
        configuration["graphql:subgraphs:one:url"] = fixture.Orders.Url;
        configuration.Reload();
        await fixture.UntilAsync("{ order(id: 1) { number } }", answer => answer == """{"data":{"order":{"number":7}}}""", host);

        Assert.Contains("Cannot query field", own, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_of_the_whole_is_told_by_introspection_and_as_text()
    {
        await using var fixture = await Fixture.StartAsync();

        var fields = JsonNode.Parse(await fixture.QueryAsync("""{ __schema { subscriptionType { name } } __type(name: "Customer") { fields { name } } }"""))!;
        var text = await fixture.Host.Client.GetStringAsync("/graphql/schema.graphql");

        Assert.Equal("""{"__schema":{"subscriptionType":null},"__type":{"fields":[{"name":"id"},{"name":"name"},{"name":"credit"},{"name":"secret"},{"name":"any"},{"name":"orders"}]}}""", fields["data"]!.ToJsonString());
        Assert.Contains("type Query {\n  customer(id: ID!): Customer\n  me: Customer\n  order(id: ID!): Order\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("@key", text, StringComparison.Ordinal);
        Assert.DoesNotContain("_entities", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Query.order", 200, "order(id: ID!): Order\n")]
    [InlineData("Customer.name(upper:)", 200, "upper: Boolean = false\n")]
    [InlineData("State", 200, "enum State {\n  OPEN\n  PAID\n}\n")]
    [InlineData("State.PAID", 200, "PAID\n")]
    [InlineData("@skip", 200, "\"\"\"Leaves the field or fragment out when the argument is true.\"\"\"\ndirective @skip(\n  \"\"\"Whether it is left out.\"\"\"\n  if: Boolean!\n) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT\n")]
    [InlineData("@deprecated(reason:)", 200, "\"\"\"Why, and what to use instead, in Markdown.\"\"\"\nreason: String! = \"No longer supported\"\n")]
    [InlineData("Customer.none", 404, "The schema has no Customer.none.")]
    [InlineData("Customer.none(a:)", 404, "The type \"Customer\" has no field \"none\".")]
    [InlineData("Customer.name(upper", 400, "Syntax Error: Expected \":\", found <EOF>. A schema coordinate is Type, Type.member, Type.field(argument:), @directive or @directive(argument:).")]
    public async Task A_part_of_the_schema_is_told_by_its_coordinate(string coordinate, int status, string told)
    {
        await using var fixture = await Fixture.StartAsync();

        using var answer = await fixture.Host.Client.GetAsync("/graphql/schema.graphql?coordinate=" + Uri.EscapeDataString(coordinate), TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal((status, told), ((int)answer.StatusCode, status == 200 ? text : (string)JsonNode.Parse(text)!["detail"]!));
    }

    /// <summary>Two subgraphs and the node that composes them.</summary>
    private sealed class Fixture : IAsyncDisposable
    {
        public required FakeSubgraph Orders { get; init; }

        public required FakeSubgraph Crm { get; init; }

        public required GatewayHost Host { get; init; }

        public static Task<Fixture> StartAsync(params (string, string)[] settings) => StartAsync(CrmData, settings);

        public static async Task<Fixture> StartAsync(string crmData, params (string, string)[] settings)
        {
            var (orders, crm) = (await FakeSubgraph.StartAsync(Graph_federation.Orders, OrdersData), await FakeSubgraph.StartAsync(Graph_federation.Crm, crmData));
            var host = await GatewayHost.StartAsync([("graphql:subgraphs:orders:url", orders.Url), ("graphql:subgraphs:crm:url", crm.Url), ("gateway:breaker:openSeconds", "0.2"), .. settings]);
            return new Fixture { Orders = orders, Crm = crm, Host = host };
        }

        public async Task<string> QueryAsync(string query, object? variables = null, GatewayHost? on = null)
        {
            using var answer = await (on ?? Host).PostAsync(query, variables, "application/json");
            return await answer.Content.ReadAsStringAsync();
        }

        public async Task UntilAsync(string query, Func<string, bool> holds, GatewayHost? on = null)
        {
            var clock = Stopwatch.StartNew();
            var answer = "";
            while (clock.Elapsed < TimeSpan.FromSeconds(60))
            {
                answer = await QueryAsync(query, null, on);
                if (holds(answer))
                    return;
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }

            Assert.Fail($"{query} answered to the end: {answer}");
        }

        public async ValueTask DisposeAsync()
        {
            await Host.DisposeAsync();
            await Orders.DisposeAsync();
            await Crm.DisposeAsync();
        }
    }
}
