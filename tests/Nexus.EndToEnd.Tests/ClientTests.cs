using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Clients that are generated from a running host compile and call it; the mock answers as its document says.</summary>
public sealed class ClientTests
{
    private const string CSharp = """
        using System.Text.Json;
        using System.Text.Json.Nodes;
        using Shop;

        var client = new NexusClient(new Uri(args[0]));
        var created = await client.OrdersOrderCreateAsync(new OrdersOrderInput { Customer = "Ada", Sku = "BOOK", Quantity = 2, Total = new() { Amount = "12.30", Currency = "EUR" } }, idempotencyKey: "one");
        var again = await client.OrdersOrderCreateAsync(new OrdersOrderInput { Customer = "Ada", Sku = "BOOK", Quantity = 2, Total = new() { Amount = "12.30", Currency = "EUR" } }, idempotencyKey: "one");
        var paid = await client.OrdersOrderPayAsync(created.Id.ToString());
        for (var i = 0; i < 3; i++) await client.OrdersOrderCreateAsync(new OrdersOrderInput { Customer = "Bob", Sku = "PEN", Quantity = 1 });
        var first = await client.OrdersOrderListAsync(limit: 2, count: true, filter: new JsonObject { ["customer"] = "Bob" });
        var second = await client.OrdersOrderListAsync(limit: 2, cursor: first.NextCursor, filter: new JsonObject { ["customer"] = "Bob" });
        var code = "";
        try
        {
            await client.OrdersOrderPayAsync(created.Id.ToString());
        }
        catch (NexusProblemException problem)
        {
            code = $"{problem.Status} {problem.Code}";
        }

        await client.OrdersOrderDeleteAsync(created.Id.ToString());
        PluginDetail plugin = await client.GetPluginAsync("orders");
        NodeView node = await client.GetStatusAsync();
        IReadOnlyList<RouteView> routes = JsonSerializer.Deserialize<List<RouteView>>(await client.ListRoutesAsync(plugin: "orders"), JsonSerializerOptions.Web)!;
        Console.WriteLine($"{plugin.Manifest!.Name} {plugin.State} {node.Components.Count} {routes.Any(r => r.Permission == "orders.orders:read")}");
        Console.WriteLine($"{created.Id == again.Id} {paid.Status} {paid.Total!.Amount} {first.Records.Count}/{first.Total} {second.Records.Count} {second.NextCursor is null} {code}");
        """;

    private const string Script = """
        import { NexusClient, NexusProblem } from './dist/client.js';

        const client = new NexusClient(process.argv[2]);
        const created = await client.ordersOrderCreate({ customer: 'Ada', sku: 'BOOK', quantity: 2 });
        const changed = await client.ordersOrderUpdate(created.id, { quantity: 3 });
        const paid = await client.ordersOrderPay(created.id);
        const page = await client.ordersOrderList({ limit: 1, count: true, filter: { sku: 'BOOK' } });
        const refused = await client.ordersOrderPay(created.id).catch((problem) => (problem instanceof NexusProblem ? `${problem.status} ${problem.code}` : String(problem)));
        await client.ordersOrderDelete(created.id);
        const plugin = await client.getPlugin('orders');
        const routes = await client.listRoutes({ plugin: 'orders' });
        console.log([plugin.manifest.name, plugin.state, (await client.getStatus()).components.length, routes.some((route) => route.permission === 'orders.orders:read')].join(' '));
        console.log([changed.quantity, paid.status, page.records.length, page.total, refused].join(' '));
        """;

    [Fact]
    public async Task The_client_in_CSharp_compiles_and_calls_the_host()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"));
        var folder = Path.Combine(host.Folder, "client");
        var written = await Programs.CliAsync(host, "client", "csharp", "--output", folder, "--namespace", "Shop");
        Assert.True(written.ExitCode == 0, written.Errors);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), CSharp);

        var built = await Programs.RunAsync("dotnet", ["build", "-c", "Release", "-v", "q", "-nologo", "-p:OutputType=Exe", "-p:TreatWarningsAsErrors=true"], folder, seconds: 300);
        Assert.True(built.ExitCode == 0, built.Output);
        var ran = await Programs.RunAsync("dotnet", [Path.Combine(folder, "bin", "Release", "net10.0", "Shop.dll"), host.Address.ToString()], folder);

        Assert.True(ran.ExitCode == 0, ran.Errors);
        Assert.Equal("orders Active 7 True\nTrue Paid 12.30 2/3 1 True 422 RULE_VIOLATION", ran.Output.Trim().ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task The_client_in_TypeScript_compiles_and_calls_the_host()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync();
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"));
        var folder = Path.Combine(host.Folder, "client");
        var written = await Programs.CliAsync(host, "client", "typescript", "--output", folder);
        Assert.True(written.ExitCode == 0, written.Errors);
        await File.WriteAllTextAsync(Path.Combine(folder, "run.mjs"), Script);

        var built = await Programs.RunAsync(node, [Path.Combine(tools, "node_modules", "typescript", "bin", "tsc"), "-p", folder], folder);
        Assert.True(built.ExitCode == 0, built.Output);
        var ran = await Programs.RunAsync(node, ["run.mjs", host.Address.ToString()], folder);

        Assert.True(ran.ExitCode == 0, ran.Errors);
        Assert.Equal("orders Active 7 true\n3 Paid 1 1 422 RULE_VIOLATION", ran.Output.Trim().ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task The_types_alone_know_every_operation_and_refuse_what_it_does_not_take()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync();
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"));
        var folder = Path.Combine(host.Folder, "types");
        var written = await Programs.CliAsync(host, "client", "typescript", "--types", "--output", folder);
        Assert.True(written.ExitCode == 0, written.Errors);
        await File.WriteAllTextAsync(Path.Combine(folder, "use.ts"), """
            import type { Operations, OrdersOrder } from './contract';
            const body: Operations['POST /api/business/orders/orders']['body'] = { customer: 'Ada', sku: 'BOOK', quantity: 2 };
            const list: OrdersOrder[] = [] as Operations['GET /api/business/orders/orders']['answer'];
            const state: 'Open' | 'Paid' | 'Cancelled' | undefined = list[0]?.status;
            const path: Operations['GET /api/v1/plugins/{id}']['path'] = { id: 'orders' };
            // @ts-expect-error
            const wrong: Operations['POST /api/business/orders/orders']['body'] = { customer: 1, sku: 'BOOK', quantity: 2 };
            // @ts-expect-error
            type None = Operations['GET /api/business/orders/nothing'];
            export const all = { body, list, state, path, wrong };
            """);

        var built = await Programs.RunAsync(node, [Path.Combine(tools, "node_modules", "typescript", "bin", "tsc"), "--strict", "--noEmit", "--exactOptionalPropertyTypes", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", Path.Combine(folder, "use.ts")], folder);

        Assert.True(built.ExitCode == 0, built.Output);
    }

    [Fact]
    public async Task The_exported_collection_passes_against_the_host_and_leaves_nothing()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"), Path.Combine(Programs.Samples, "inventory"));

        var played = await Programs.CliAsync(host, "api-test", "run", "--json");
        var results = JsonNode.Parse(played.Output)!["results"]!.AsArray();
        var orders = results.Where(result => (string?)result!["folder"] == "orders: orders").Select(result => $"{result!["method"]} {result["status"]}");

        Assert.True(played.ExitCode == 0, played.Output);
        Assert.True(results.Count > 30, $"{results.Count} requests");
        Assert.Equal(["POST 201", "GET 200", "GET 200", "PATCH 200", "PUT 200", "POST 200", "POST 422", "DELETE 204"], orders);
        Assert.Equal("[]", await host.Client.GetStringAsync("/api/business/orders/orders"));
    }

    [Fact]
    public async Task The_mock_answers_with_the_examples_of_the_document_and_the_generated_client_reads_them()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"));
        var document = Path.Combine(host.Folder, "openapi.json");
        await File.WriteAllTextAsync(document, await host.Client.GetStringAsync("/openapi.json"));
        var start = new ProcessStartInfo("dotnet", [Programs.Cli, "mock", "--port", "0", "--document", document]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var mock = Process.Start(start)!;
        try
        {
            var said = await mock.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(180));
            using var client = new HttpClient { BaseAddress = new Uri(System.Text.RegularExpressions.Regex.Match(said!, @"http://\S+?(?=;)").Value) };

            var listed = await client.GetFromJsonAsync<JsonArray>("/api/business/orders/orders");
            using var created = await client.PostAsJsonAsync("/api/business/orders/orders", new { customer = "Ada", sku = "BOOK", quantity = 1 });
            using var incomplete = await client.PostAsJsonAsync("/api/business/orders/orders", new { customer = "Ada" });
            using var unknown = await client.GetAsync("/api/custom/nothing");
            using var wrong = await client.PatchAsync("/api/business/orders/orders", null);

            Assert.Equal("customer", (string?)listed![0]!["customer"]);
            Assert.Equal("Open", (string?)listed[0]!["status"]);
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
            Assert.Equal("0190c6f0-0000-7000-8000-000000000001", (string?)(await created.Content.ReadFromJsonAsync<JsonObject>())!["id"]);
            Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed), (incomplete.StatusCode, unknown.StatusCode, wrong.StatusCode));
        }
        finally
        {
            mock.Kill(entireProcessTree: true);
            await mock.WaitForExitAsync();
        }
    }
}
