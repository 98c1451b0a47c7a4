using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Two nodes with a plugin each and a third that composes them: real processes, one of which dies and comes back.</summary>
public sealed class FederationTests
{
    private const string Crm = """
        public sealed record Customer(string Name) : Resource;
        public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => plugin.AddResource<Customer>("customers"); }
        """;

    private const string Orders = """
        namespace Crm { public sealed record Customer(string Name) : Resource; }
        public sealed record Order(int Number, Ref<Crm.Customer> Customer) : Resource;
        public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => plugin.AddResource<Order>("orders"); }
        """;

    private const string Both = "{ ordersOrders { nodes { number customer { id name } } } crmCustomers { nodes { name ordersOrdersByCustomer(sort: [{field: number}]) { number } } } }";

    [Fact]
    public async Task One_query_spans_two_nodes_is_answered_in_part_while_one_is_dead_and_whole_again_after()
    {
        await using var crm = await StartAsync("crm", Crm);
        await using var orders = await StartAsync("orders", Orders);
        await using var gateway = await RunningHost.StartAsync([], [$"--graphql:subgraphs:crm:url={crm.Address}graphql", $"--graphql:subgraphs:orders:url={orders.Address}graphql"]);
        var (ada, ben) = (await CreateAsync(gateway, "Ada"), await CreateAsync(gateway, "Ben"));
        foreach (var (number, customer) in new[] { (1, ada), (2, ben), (3, ada) })
        {
            var made = await QueryAsync(gateway, "mutation($number: Long!, $customer: ID!) { createOrdersOrder(input: {number: $number, customerId: $customer}) { number customer { name } } }", new JsonObject { ["number"] = number, ["customer"] = customer });
            Assert.Equal((number, customer == ada ? "Ada" : "Ben"), ((int)made["data"]!["createOrdersOrder"]!["number"]!, (string?)made["data"]!["createOrdersOrder"]!["customer"]!["name"]));
        }

        var whole = await QueryAsync(gateway, Both);
        await crm.KillAsync();
        var partial = await QueryAsync(gateway, Both);
        await crm.KillAndRestartAsync();
        var again = await UntilWholeAsync(gateway);

        Assert.Equal(
            $$$$"""{"data":{"ordersOrders":{"nodes":[{"number":1,"customer":{"id":"{{{{ada}}}}","name":"Ada"}},{"number":2,"customer":{"id":"{{{{ben}}}}","name":"Ben"}},{"number":3,"customer":{"id":"{{{{ada}}}}","name":"Ada"}}]},"crmCustomers":{"nodes":[{"name":"Ada","ordersOrdersByCustomer":[{"number":1},{"number":3}]},{"name":"Ben","ordersOrdersByCustomer":[{"number":2}]}]}}}""",
            whole.ToJsonString());
        Assert.Equal(
            $$$$"""{"ordersOrders":{"nodes":[{"number":1,"customer":{"id":"{{{{ada}}}}","name":null}},{"number":2,"customer":{"id":"{{{{ben}}}}","name":null}},{"number":3,"customer":{"id":"{{{{ada}}}}","name":null}}]},"crmCustomers":null}""",
            partial["data"]!.ToJsonString());
        Assert.Equal(
            ["""["crmCustomers"]""", """["ordersOrders","nodes",0,"customer","name"]""", """["ordersOrders","nodes",1,"customer","name"]""", """["ordersOrders","nodes",2,"customer","name"]"""],
            partial["errors"]!.AsArray().Select(e => e!["path"]!.ToJsonString()).Order());
        Assert.All(partial["errors"]!.AsArray(), e => Assert.Equal("SERVICE_UNAVAILABLE", (string?)e!["extensions"]!["code"]));
        Assert.Equal(whole.ToJsonString(), again.ToJsonString());
    }

    private static Task<RunningHost> StartAsync(string id, string source)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-federation-").FullName;
        try
        {
            return RunningHost.StartAsync([PluginCompiler.Plugin(Path.Combine(folder, id), id, "1.0.0", source)], ["--graphql:federation=true"]);
        }
        finally
        {
            // The host has a copy of its own by now.
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> CreateAsync(RunningHost gateway, string name)
    {
        var made = await QueryAsync(gateway, "mutation($name: String!) { createCrmCustomer(input: {name: $name}) { id } }", new JsonObject { ["name"] = name });
        return (string?)made["data"]?["createCrmCustomer"]?["id"] ?? throw new InvalidOperationException($"{made.ToJsonString()}\n{gateway.Log}");
    }

    private static async Task<JsonNode> UntilWholeAsync(RunningHost gateway)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var answer = await QueryAsync(gateway, Both);
            if (answer["errors"] is null)
                return answer;
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(90), $"{answer.ToJsonString()}\n{gateway.Log}");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    private static async Task<JsonNode> QueryAsync(RunningHost host, string query, JsonNode? variables = null)
    {
        using var answer = await host.Client.PostAsJsonAsync("/graphql", new JsonObject { ["query"] = query, ["variables"] = variables });
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }
}
