using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;

namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>The host as a program on two servers: tenant acme in one, tenant globex and the platform in the other.</summary>
public sealed class HostTests
{
    private const string Password = "Correct-Horse-7";
    private const string First = "One-time 4 the first";
    private const string Orders = "/api/business/orders/orders";
    private const string Reservations = "/api/business/inventory/reservations";

    [Fact]
    public async Task A_server_that_dies_takes_its_own_tenants_along_and_no_other_and_loses_nothing()
    {
        var first = await PostgreSqlServer.DatabaseAsync();
        await using var server = await PostgreSqlServer.StartAsync();
        var second = await server.MakeDatabaseAsync();
        await using var host = await StartAsync(first, second);
        using var admin = await AdministratorAsync(host);
        using var acme = await SignInAsync(host, admin, "acme");
        using var globex = await SignInAsync(host, admin, "globex");
        var acknowledged = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            acknowledged.Add(await OrderAsync(acme));
            await OrderAsync(globex);
        }

        await UntilAsync(host, globex, 5);
        await UntilAsync(host, acme, 5);
        Assert.Equal((5L, 0L), (await CountAsync(first, "orders.orders", "globex"), await CountAsync(first, "orders.orders", "acme")));
        Assert.Equal((0L, 5L), (await CountAsync(second, "orders.orders", "globex"), await CountAsync(second, "orders.orders", "acme")));
        Assert.Equal(0, await Databases.CountAsync(first, "SELECT count(*) FROM events WHERE tenant='acme'"));
        Assert.Equal(10, await Databases.CountAsync(second, "SELECT count(*) FROM events WHERE tenant='acme' AND name IN ('orders.orders.created','inventory.reservations.created')"));
        Assert.True(await Databases.CountAsync(second, "SELECT count(*) FROM documents WHERE tenant='acme' AND id LIKE 'core/users/%'") > 0);

        // The last order's reservation may be made before the server dies or after it is back.
        acknowledged.Add(await OrderAsync(acme));
        await server.KillAsync();
        using (var refused = await acme.GetAsync(Orders))
        {
            Assert.Equal((503, "STORAGE_UNAVAILABLE"), ((int)refused.StatusCode, (string?)JsonNode.Parse(await refused.Content.ReadAsStringAsync())!["code"]));
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        using (var refused = await PostAsync(acme))
            Assert.Equal(503, (int)refused.StatusCode);
        for (var i = 0; i < 5; i++)
            await OrderAsync(globex);
        await UntilAsync(host, globex, 10);
        await host.UntilAsync("/health", health => (string?)health["status"] == "Degraded" && health["dependencies"]!.AsArray().Any(d => (string?)d!["name"] == "storage" && ((string?)d["detail"] ?? "").Contains("The database beta does not serve, and its tenants are refused", StringComparison.Ordinal)));
        using (var login = await host.Client.PostAsJsonAsync("/login", new { username = "boss", password = Password, tenant = "globex" }))
            Assert.Equal(200, (int)login.StatusCode);

        await server.StartAgainAsync();
        await host.UntilAsync("/health", health => (string?)health["status"] == "Healthy");
        acknowledged.Add(await OrderAsync(acme));
        await UntilAsync(host, acme, acknowledged.Count);
        var kept = RunningHost.Rows(JsonNode.Parse(await acme.GetStringAsync($"{Orders}?limit=100"))!).Select(o => (string)o["id"]!).ToList();
        Assert.Equal(acknowledged.Order(), kept.Order());
        // Each reservation was made once, and the audit trail has taken up what waited in either database.
        Assert.Equal(acknowledged.Count, await CountAsync(second, "inventory.reservations", "acme"));
        await SealedAsync(first);
        await SealedAsync(second);
        Assert.True(await Databases.CountAsync(second, "SELECT count(*) FROM own_databases WHERE plugin='core.audit' AND tenant='acme'") == 1, "the trail of a tenant lies where the tenant does");

        await host.KillAndRestartAsync();
        Assert.Equal(acknowledged.Count, RunningHost.Rows(JsonNode.Parse(await acme.GetStringAsync($"{Orders}?limit=100"))!).Count);
    }

    [Fact]
    public async Task A_node_starts_while_a_server_is_down_and_serves_its_tenants_when_it_is_back()
    {
        var first = await PostgreSqlServer.DatabaseAsync();
        await using var server = await PostgreSqlServer.StartAsync();
        var second = await server.MakeDatabaseAsync();
        await using var host = await StartAsync(first, second);
        using var admin = await AdministratorAsync(host);
        using var acme = await SignInAsync(host, admin, "acme");
        using var globex = await SignInAsync(host, admin, "globex");
        var order = await OrderAsync(acme);
        await OrderAsync(globex);
        await server.KillAsync();

        await host.KillAndRestartAsync();
        await OrderAsync(globex);
        using (var refused = await acme.GetAsync(Orders))
        {
            var problem = JsonNode.Parse(await refused.Content.ReadAsStringAsync())!;
            Assert.Equal((503, "STORAGE_UNAVAILABLE"), ((int)refused.StatusCode, (string?)problem["code"]));
            Assert.Contains("The database beta is away", (string?)problem["detail"], StringComparison.Ordinal);
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        // Neither that the password is wrong nor that it is right.
        using (var login = await host.Client.PostAsJsonAsync("/login", new { username = "boss", password = Password, tenant = "acme" }))
            Assert.Equal(503, (int)login.StatusCode);
        using (var login = await host.Client.PostAsJsonAsync("/login", new { username = "boss", password = Password, tenant = "globex" }))
            Assert.Equal(200, (int)login.StatusCode);
        await host.UntilAsync("/health", health => (string?)health["status"] == "Degraded" && health["dependencies"]!.AsArray().Any(d => (string?)d!["name"] == "storage" && ((string?)d["detail"] ?? "").Contains("The database beta does not serve, and its tenants are refused", StringComparison.Ordinal)));

        await server.StartAgainAsync();
        await host.UntilAsync("/health", health => (string?)health["status"] == "Healthy");
        await AnswersAsync(host, acme);
        Assert.Equal([order], RunningHost.Rows(JsonNode.Parse(await acme.GetStringAsync(Orders))!).Select(o => (string)o["id"]!));
        await OrderAsync(acme);
        await UntilAsync(host, acme, 2);
        await UntilAsync(host, globex, 2);
    }

    [Fact]
    public async Task A_database_that_is_empty_and_away_at_its_first_start_is_made_when_it_comes()
    {
        var first = await PostgreSqlServer.DatabaseAsync();
        await using var server = await PostgreSqlServer.StartAsync();
        var second = await server.MakeDatabaseAsync();
        await server.KillAsync();
        await using var host = await StartAsync(first, second);
        using var admin = await AdministratorAsync(host);
        using (var made = await admin.PostAsJsonAsync("/api/v1/tenants", new { name = "acme" }))
            Assert.Equal(503, (int)made.StatusCode);

        await server.StartAgainAsync();
        await host.UntilAsync("/health", health => (string?)health["status"] == "Healthy");
        using var acme = await SignInAsync(host, admin, "acme");
        await OrderAsync(acme);

        await UntilAsync(host, acme, 1);
        Assert.Equal((0L, 1L), (await CountAsync(first, "orders.orders", "acme"), await CountAsync(second, "orders.orders", "acme")));
    }

    [Fact]
    public async Task A_tenant_goes_to_another_server_while_its_orders_are_taken_and_nobody_notices()
    {
        var (first, second) = (await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync());
        await using var host = await StartAsync(first, second);
        using var admin = await AdministratorAsync(host);
        using var globex = await SignInAsync(host, admin, "globex");
        var acknowledged = new List<string>();
        using var ending = new CancellationTokenSource();
        var ordering = Task.Run(async () =>
        {
            while (!ending.IsCancellationRequested)
                acknowledged.Add(await OrderAsync(globex));
        });

        using (var denied = await globex.PostAsJsonAsync("/api/v1/tenants/globex/move", new { shard = "beta" }))
            Assert.Equal(403, (int)denied.StatusCode);
        using (var asked = await admin.PostAsJsonAsync("/api/v1/tenants/globex/move", new { shard = "beta" }))
            Assert.Equal(202, (int)asked.StatusCode);
        JsonNode move;
        do
        {
            await Task.Delay(100);
            move = JsonNode.Parse(await admin.GetStringAsync("/api/v1/tenants/globex/move"))!;
        }
        while (move["endedAt"] is null);
        await ending.CancelAsync();
        await ordering;

        Assert.True(string.Equals("done", (string?)move["state"], StringComparison.OrdinalIgnoreCase), move.ToJsonString() + host.Log);
        Assert.Equal((0L, (long)acknowledged.Count), (await CountAsync(first, "orders.orders", "globex"), await CountAsync(second, "orders.orders", "globex")));
        // Each order's event was handled once, here or there; accounts, sign-in and the trail went along.
        for (var i = 0; await CountAsync(second, "inventory.reservations", "globex") < acknowledged.Count; i++)
        {
            Assert.True(i < 600, host.Log);
            await Task.Delay(100);
        }

        Assert.Equal(acknowledged.Count, await CountAsync(second, "inventory.reservations", "globex"));
        using var again = await ClientAsync(host, "boss", Password, "globex");
        await OrderAsync(again);
        await SealedAsync(first);
        await SealedAsync(second);
        Assert.Equal((0L, 1L), (await Databases.CountAsync(first, "SELECT count(*) FROM own_databases WHERE tenant='globex'"), await Databases.CountAsync(second, "SELECT count(*) FROM own_databases WHERE plugin='core.audit' AND tenant='globex'")));
        using var verified = await again.PostAsync("/api/v1/audit/verify", null);
        Assert.True(verified.IsSuccessStatusCode, await verified.Content.ReadAsStringAsync());
        await host.KillAndRestartAsync();
        await OrderAsync(again);
    }

    /// <summary>Waits, bounded, until the caller's tenant is served; until then it is refused and not turned away.</summary>
    private static async Task AnswersAsync(RunningHost host, HttpClient client)
    {
        for (var i = 0; ; i++)
        {
            using var answer = await client.GetAsync(Orders);
            if (answer.IsSuccessStatusCode)
                return;
            Assert.True((int)answer.StatusCode == 503 && i < 300, $"{await answer.Content.ReadAsStringAsync()}\n{host.Log}");
            await Task.Delay(100);
        }
    }

    private static Task<RunningHost> StartAsync(string first, string second) => RunningHost.StartAsync(
        [.. new[] { "engines.postgresql", "core.identity", "core.audit" }.Select(p => Path.Combine(Programs.Plugins, p)), Path.Combine(Programs.Samples, "orders"), Path.Combine(Programs.Samples, "inventory")],
        ["--database:type=postgresql", $"--database:connectionString={first}", $"--database:shards:beta:connectionString={second}", "--database:shards:beta:tenants:0=acme", $"--plugins:core.identity:administratorPassword={First}", "--security:rateLimits:enabled=false", "--server:http2Port=0", "--events:lease=5s"]);

    private static async Task<HttpClient> AdministratorAsync(RunningHost host)
    {
        using var first = await ClientAsync(host, "admin", First, null);
        using var changed = await first.PostAsJsonAsync("/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync());
        return await ClientAsync(host, "admin", Password, null);
    }

    private static async Task<HttpClient> SignInAsync(RunningHost host, HttpClient admin, string tenant)
    {
        using var made = await admin.PostAsJsonAsync("/api/v1/tenants", new { name = tenant, administrator = new { username = "boss", email = $"boss@{tenant}.example", password = Password } });
        Assert.True(made.IsSuccessStatusCode, await made.Content.ReadAsStringAsync());
        return await ClientAsync(host, "boss", Password, tenant);
    }

    private static async Task<HttpClient> ClientAsync(RunningHost host, string username, string password, string? tenant)
    {
        var answer = await host.PostAsync("/login", new { username, password, tenant });
        var client = new HttpClient { BaseAddress = host.Address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (string)answer["access_token"]!);
        return client;
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient client) => client.PostAsJsonAsync(Orders, new { customer = "Ada", sku = "A-1", quantity = 1 });

    private static async Task<string> OrderAsync(HttpClient client)
    {
        using var answer = await PostAsync(client);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == 201, text);
        return (string)JsonNode.Parse(text)!["id"]!;
    }

    /// <summary>Waits, bounded, until so many orders of the caller's tenant are reserved: their events were handled.</summary>
    private static async Task UntilAsync(RunningHost host, HttpClient client, int count)
    {
        for (var i = 0; ; i++)
        {
            using var answer = await client.GetAsync($"{Reservations}?limit=100");
            var text = await answer.Content.ReadAsStringAsync();
            if (answer.IsSuccessStatusCode && RunningHost.Rows(JsonNode.Parse(text)!).Count == count)
                return;
            Assert.True(i < 900, $"{text}\n{host.Log}");
            await Task.Delay(100);
        }
    }

    private static async Task SealedAsync(string address)
    {
        for (var i = 0; await Databases.CountAsync(address, "SELECT count(*) FROM audit_queue") > 0; i++)
        {
            Assert.True(i < 900, "entries wait for their seal");
            await Task.Delay(100);
        }
    }

    private static Task<long> CountAsync(string address, string table, string tenant) => Databases.CountAsync(address, $"SELECT count(*) FROM \"{table}\" WHERE tenant='{tenant}'");
}
