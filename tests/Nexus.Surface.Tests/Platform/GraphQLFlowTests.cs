using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Testing;

namespace Nexus.Surface.Tests.Platform;

/// <summary>GraphQL over the real pipeline and store: the same records, rules and refusals as by REST, and few questions to the store.</summary>
public sealed class GraphQLFlowTests
{
    [Fact]
    public async Task One_query_follows_people_to_their_accounts_bookings_and_categories_in_four_questions()
    {
        await using var host = await StartAsync();
        await FillAsync(host, people: 20);

        var (answer, questions) = await TraceAsync(host, "{ moneyPeople(first: 20, sort: [{field: name}]) { nodes { name accountsByOwnedBy(first: 5) { name bookingsByAccount(first: 10, sort: [{field: amount}]) { amount { amount currency } category { name } } } } } }");

        var people = answer["data"]!["moneyPeople"]!["nodes"]!.AsArray();
        Assert.Equal(20, people.Count);
        Assert.Equal(
            """{"name":"P00","accountsByOwnedBy":[{"name":"A0","bookingsByAccount":[{"amount":{"amount":"1.50","currency":"EUR"},"category":{"name":"Food"}},{"amount":{"amount":"2.50","currency":"EUR"},"category":{"name":"Rent"}}]}]}""",
            people[0]!.ToJsonString());
        Assert.Equal(4, questions);
    }

    [Fact]
    public async Task A_hundred_parents_with_their_children_cost_two_questions()
    {
        await using var host = await StartAsync();
        await FillAsync(host, people: 100);

        var (answer, questions) = await TraceAsync(host, "{ moneyPeople(first: 100) { nodes { id accountsByOwnedBy { id name } } } }");

        Assert.Equal(100, answer["data"]!["moneyPeople"]!["nodes"]!.AsArray().Sum(p => p!["accountsByOwnedBy"]!.AsArray().Count));
        Assert.Equal(2, questions);
    }

    [Fact]
    public async Task Rules_refuse_by_both_surfaces_with_the_same_code_and_the_same_pointers()
    {
        await using var host = await StartAsync();

        using var rest = await host.Client.PostAsJsonAsync("/api/custom/money/categories", new { name = "" });
        var problem = JsonNode.Parse(await rest.Content.ReadAsStringAsync())!;
        var error = (await QueryAsync(host, """mutation { createMoneyCategory(input: {name: ""}) { id } }"""))["errors"]![0]!;

        Assert.Equal("VALIDATION_ERROR", (string?)problem["code"]);
        Assert.Equal((string?)problem["code"], (string?)error["extensions"]!["code"]);
        Assert.Equal(problem["errors"]!.ToJsonString(), error["extensions"]!["errors"]!.ToJsonString());
        Assert.Equal((string?)problem["detail"], (string?)error["message"]);
    }

    [Fact]
    public async Task What_one_surface_writes_the_other_reads()
    {
        await using var host = await StartAsync();

        var made = await QueryAsync(host, """mutation { createMoneyCategory(input: {name: "Food"}) { id revision } }""");
        var id = (string)made["data"]!["createMoneyCategory"]!["id"]!;
        var read = JsonNode.Parse(await host.Client.GetStringAsync($"/api/custom/money/categories/{id}"))!;
        using var patched = await host.Client.PatchAsJsonAsync($"/api/custom/money/categories/{id}", new { name = "Drink" });
        var seen = await QueryAsync(host, $$$"""{ moneyCategory(id: "{{{id}}}") { name revision createdAt } moneyCategories(filter: {name: {eq: "Drink"}, id: {in: ["{{{id}}}"]}}) { totalCount nodes { name } } }""");

        Assert.Equal("Food", (string?)read["name"]);
        Assert.Equal(("Drink", 2), ((string?)seen["data"]!["moneyCategory"]!["name"], (int)seen["data"]!["moneyCategory"]!["revision"]!));
        Assert.Equal((string?)read["createdAt"], (string?)seen["data"]!["moneyCategory"]!["createdAt"]);
        Assert.Equal("""{"totalCount":1,"nodes":[{"name":"Drink"}]}""", seen["data"]!["moneyCategories"]!.ToJsonString());
    }

    [Fact]
    public async Task Pages_walk_all_records_once()
    {
        await using var host = await StartAsync();
        await FillAsync(host, people: 23);
        var names = new List<string>();
        string? after = null;

        for (var page = 0; page < 20; page++)
        {
            var list = (await QueryAsync(host, "query($after: String) { moneyPeople(first: 5, after: $after, sort: [{field: name, descending: true}]) { nodes { name } pageInfo { hasNextPage endCursor } } }", new { after }))["data"]!["moneyPeople"]!;
            names.AddRange(list["nodes"]!.AsArray().Select(n => (string)n!["name"]!));
            after = (string?)list["pageInfo"]!["endCursor"];
            if (!(bool)list["pageInfo"]!["hasNextPage"]!) break;
        }

        Assert.Equal(Enumerable.Range(0, 23).Reverse().Select(i => $"P{i:D2}"), names);
    }

    private static Task<PluginTestHost> StartAsync() => PluginTestHost.StartAsync(options => options.Add(new PluginManifest { Name = "money", Version = "1.0.0", Category = PluginCategory.Custom, Description = "People and what they spend.", Entry = "" }, () => new MoneyPlugin()));

    private static async Task FillAsync(PluginTestHost host, int people)
    {
        var food = await CreateAsync(host, "categories", new { name = "Food" });
        var rent = await CreateAsync(host, "categories", new { name = "Rent" });
        for (var i = 0; i < people; i++)
        {
            var person = await CreateAsync(host, "people", new { name = $"P{i:D2}" });
            var account = await CreateAsync(host, "accounts", new { name = $"A{i}", ownedBy = person });
            if (people > 20) continue;
            await CreateAsync(host, "bookings", new { account, category = food, amount = new { amount = "1.50", currency = "EUR" } });
            await CreateAsync(host, "bookings", new { account, category = rent, amount = new { amount = "2.50", currency = "EUR" } });
        }
    }

    private static async Task<string> CreateAsync(PluginTestHost host, string resource, object fields)
    {
        using var answer = await host.Client.PostAsJsonAsync($"/api/custom/money/{resource}", fields);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return (string)JsonNode.Parse(text)!["id"]!;
    }

    private static async Task<JsonNode> QueryAsync(PluginTestHost host, string query, object? variables = null)
    {
        using var answer = await host.Client.PostAsJsonAsync("/graphql", new { query, variables });
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }

    /// <summary>The answer, and how many questions to the store it took.</summary>
    private static async Task<(JsonNode Answer, int Questions)> TraceAsync(PluginTestHost host, string query)
    {
        var trace = ActivityTraceId.CreateRandom();
        var spans = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == NexusTracing.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = span =>
            {
                if (span.TraceId == trace) spans.Enqueue(span.OperationName);
            },
        };
        ActivitySource.AddActivityListener(listener);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/graphql") { Content = JsonContent.Create(new { query }), Headers = { { "traceparent", $"00-{trace}-00f067aa0ba902b7-01" } } };
        using var answer = await host.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.DoesNotContain("\"errors\"", text, StringComparison.Ordinal);
        return (JsonNode.Parse(text)!, spans.Count(name => name is NexusTracing.StorageQuery or NexusTracing.StorageFind));
    }

    private sealed class MoneyPlugin : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => plugin.AddResource<Person>("people").AddResource<Account>("accounts").AddResource<Category>("categories").AddResource<Booking>("bookings");
    }
}

/// <summary>Somebody with accounts.</summary>
internal sealed record Person(string Name) : Resource;

/// <summary>An account of somebody.</summary>
internal sealed record Account(string Name, Ref<Person> OwnedBy) : Resource;

/// <summary>What money is spent on.</summary>
internal sealed record Category([property: System.ComponentModel.DataAnnotations.StringLength(20, MinimumLength = 1)] string Name) : Resource;

/// <summary>Money spent.</summary>
internal sealed record Booking(Ref<Account> Account, Ref<Category> Category, Money Amount) : Resource;
