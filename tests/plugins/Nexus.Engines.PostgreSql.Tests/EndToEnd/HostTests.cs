using System.Net;
using System.Net.Http.Json;
using System.Text;
using Nexus.EndToEnd.Tests;

namespace Nexus.Engines.PostgreSql.Tests.EndToEnd;

/// <summary>The host as a program, with the plugins that ship with it, on PostgreSQL.</summary>
public sealed class HostTests
{
    private const string Statement = """
        OFXHEADER:100
        DATA:OFXSGML
        VERSION:102
        ENCODING:USASCII
        CHARSET:1252

        <OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM>
        <BANKTRANLIST><DTSTART>20260101<DTEND>20260131
        <STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-12.34<FITID>A1<NAME>Bakery</STMTTRN>
        <STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260120<TRNAMT>2000.00<FITID>A2<NAME>Payroll</STMTTRN>
        </BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
        """;

    [Fact]
    public async Task Ledger_identity_and_audit_work_on_PostgreSQL_and_outlive_a_kill()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var host = await StartAsync(address, "core.identity", "core.audit", "finance.ledger");
        var book = (string)(await host.PostAsync("/api/business/ledger/books", new { name = "Home", baseCommodity = "EUR" }))["id"]!;
        await host.PostAsync($"/api/business/ledger/books/{book}/accounts", new { path = "Assets:Bank", type = "asset" });

        using var imported = await host.Client.PostAsync($"/api/business/ledger/imports?book={book}&account=Assets:Bank&file=a.ofx", new ByteArrayContent(Encoding.ASCII.GetBytes(Statement)));
        Assert.True(imported.StatusCode == HttpStatusCode.Created, await imported.Content.ReadAsStringAsync());
        await host.KillAndRestartAsync();

        var balances = await host.GetAsync($"/api/business/ledger/books/{book}/balances");
        Assert.Equal("1987.66", (string?)balances["balances"]!.AsArray().Single(b => (string?)b!["path"] == "Assets:Bank")!["amount"]);
        Assert.True((bool)(await host.GetAsync($"/api/business/ledger/books/{book}/audit"))["sound"]!);
        var overview = Assert.Single((await host.GetAsync($"/api/business/ledger/books/{book}/overview"))["items"]!.AsArray())!;
        Assert.Equal(("EUR", "1987.66", "0.00"), ((string?)overview["commodity"], (string?)overview["netWorth"]!["amount"], (string?)overview["liabilities"]!["amount"]));
        var months = (await host.GetAsync($"/api/business/ledger/books/{book}/months?months=120"))["items"]!.AsArray();
        Assert.Equal(("2000.00", "12.34", "1987.66"), ((string?)months.Single(m => (string?)m!["month"] == "2026-01")!["income"]!["amount"], (string?)months.Single(m => (string?)m!["month"] == "2026-01")!["expenses"]!["amount"], (string?)months[^1]!["netWorth"]!["amount"]));
        Assert.Equal(2, (await host.GetAsync($"/api/business/ledger/imports?book={book}")).AsObject().First().Value!.AsArray().Single()!["added"]!.GetValue<int>());
        var plugins = await host.GetAsync("/api/v1/plugins");
        Assert.Contains(RunningHost.Rows(plugins), p => (string?)p["id"] == "engines.postgresql" && string.Equals((string?)p["state"], "active", StringComparison.OrdinalIgnoreCase));
        await host.UntilAsync("/health", health => (string?)health["status"] == "Healthy");
    }

    [Fact]
    public async Task One_question_goes_over_the_ledgers_own_tables_in_five_statements_and_mutations_change_them()
    {
        await using var host = await StartAsync(await PostgreSqlServer.DatabaseAsync(), LedgerGraph.Settings, "core.identity", "finance.ledger");
        await LedgerGraph.HoldsAsync(host);
        await LedgerGraph.ChangesAsync(host);
    }

    [Fact]
    public async Task Resources_are_written_listed_filtered_and_searched()
    {
        await using var host = await StartAsync(await PostgreSqlServer.DatabaseAsync());
        foreach (var (customer, quantity) in new[] { ("Ada Lovelace", 3), ("Grace Hopper", 7) })
            await host.PostAsync("/api/business/orders/orders", new { customer, sku = "A-1", quantity });

        Assert.Equal("Grace Hopper", (string?)RunningHost.Rows(await host.GetAsync("/api/business/orders/orders?filter[quantity][$gte]=5")).Single()["customer"]);
        Assert.Equal("Ada Lovelace", (string?)RunningHost.Rows(await host.GetAsync("/api/business/orders/orders?q=love")).Single()["customer"]);
        var searched = await host.GetAsync("/api/v1/search?q=hopper+-ada");
        Assert.Equal(("orders.orders", "Grace Hopper", 1), ((string?)searched["items"]![0]!["resource"], (string?)searched["items"]![0]!["record"]!["customer"], (int)searched["total"]!));
        Assert.Equal(["Grace Hopper", "Ada Lovelace"], RunningHost.Rows(await host.GetAsync("/api/business/orders/orders?sort=-quantity")).Select(r => (string?)r["customer"]));
    }

    [Fact]
    public async Task Operators_see_the_database_and_query_and_change_any_resource()
    {
        await using var host = await StartAsync(await PostgreSqlServer.DatabaseAsync());
        var made = await host.PostAsync("/api/v1/database/bulk", new { resource = "orders.orders", operations = new object[] { new { op = "insert", data = new { customer = "Ada", sku = "A-1", quantity = 3 } }, new { op = "insert", data = new { customer = "Bob", sku = "A-1", quantity = 7 } }, new { op = "insert", data = new { customer = "Eve", sku = "A-1", quantity = 9 } } } });
        var eve = (string)made["data"]![2]!["id"]!;
        await host.PostAsync("/api/v1/database/bulk", new { resource = "orders.orders", atomic = true, operations = new object[] { new { op = "update", id = eve, data = new { quantity = 1 } } } });

        var found = await host.PostAsync("/api/v1/database/query", new { resource = "orders.orders", filter = new { quantity = new Dictionary<string, int> { ["$gte"] = 3, ["$lte"] = 8 } }, sort = new[] { "-quantity" }, fields = new[] { "customer" }, limit = 1 });
        var state = await host.GetAsync("/api/v1/database");

        Assert.Equal((3, 1, 2, """[{"customer":"Bob"}]"""), ((int)made["count"]!, (int)found["count"]!, (int)found["total"]!, found["data"]!.ToJsonString()));
        Assert.True((double)found["execution_time_ms"]! > 0);
        Assert.Equal("postgresql", (string?)state["primary"]);
        Assert.Matches("^1[0-9]\\.", (string)state["version"]!);
        Assert.Contains(state["tables"]!.AsArray(), t => (string?)t!["name"] == "orders.orders" && t["indexes"]!.AsArray().Any(i => (string?)i!["fields"] == "sku" && (long)i["bytes"]! > 0 && !(bool)i["missing"]!));
        using var half = await host.Client.PostAsJsonAsync("/api/v1/database/bulk", new { resource = "orders.orders", atomic = true, operations = new object[] { new { op = "delete", id = eve }, new { op = "insert", data = new { customer = "" } } } });
        Assert.Equal(422, (int)half.StatusCode);
        Assert.Equal("Eve", (string?)(await host.GetAsync($"/api/business/orders/orders/{eve}"))["customer"]);
        using var wrong = await host.Client.PostAsJsonAsync("/api/v1/database/query", new { resource = "orders.orders", where = 1 });
        Assert.Equal(400, (int)wrong.StatusCode);
    }

    [Fact]
    public async Task A_server_that_was_killed_shows_in_health_and_is_used_again_once_it_is_back()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        await using var host = await StartAsync(await server.MakeDatabaseAsync());
        await host.PostAsync("/api/business/orders/orders", new { customer = "Ada", sku = "A-1", quantity = 1 });

        await server.KillAsync();
        using (var ill = await host.Client.GetAsync("/health"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ill.StatusCode);
            Assert.Contains($"127.0.0.1:{server.Port}", await ill.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await server.StartAgainAsync();
        await host.UntilAsync("/health/ready", _ => true);
        await host.PostAsync("/api/business/orders/orders", new { customer = "Bob", sku = "A-1", quantity = 1 });
        Assert.Equal(2, RunningHost.Rows(await host.GetAsync("/api/business/orders/orders")).Count);
    }

    [Fact]
    public async Task Two_hosts_share_one_database()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var one = await StartAsync(address);
        await using var two = await StartAsync(address);
        var id = (string)(await one.PostAsync("/api/business/orders/orders", new { customer = "Ada", sku = "A-1", quantity = 1 }))["id"]!;

        Assert.Equal("Ada", (string?)(await two.GetAsync($"/api/business/orders/orders/{id}"))["customer"]);
        await two.PostAsync($"/api/business/orders/orders/{id}/actions/pay");
        Assert.Equal("Paid", (string?)(await one.GetAsync($"/api/business/orders/orders/{id}"))["status"], ignoreCase: true);
    }

    [Fact]
    public async Task Files_that_two_nodes_attach_to_one_record_at_once_hold_its_number_and_come_back_with_it()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var one = await StartAsync(address);
        await using var two = await StartAsync(address);
        var order = "/api/business/orders/orders/" + (string)(await one.PostAsync("/api/business/orders/orders", new { customer = "Ada", sku = "A-1", quantity = 1 }))["id"]!;
        async Task<HttpStatusCode> AttachAsync(int n)
        {
            using var answer = await (n % 2 == 0 ? one : two).Client.PostAsync($"{order}/attachments?name={n}.txt", new StringContent(n < 10 ? "the same" : new string('x', 300_000 + n)));
            return answer.StatusCode;
        }

        // An order takes 20.
        var answers = await Task.WhenAll(Enumerable.Range(0, 25).Select(AttachAsync));
        var files = RunningHost.Rows(await two.GetAsync($"{order}/attachments"));
        var same = files.First(f => (int)f["size"]! == 8);
        (await one.Client.DeleteAsync((string)same["url"]!)).Dispose();
        (await two.Client.DeleteAsync(order)).Dispose();
        await one.PostAsync("/api/business/orders/orders", new { id = order.Split('/')[^1], customer = "Ada", sku = "A-1", quantity = 1 });

        Assert.Equal((20, 5), (answers.Count(a => a == HttpStatusCode.Created), answers.Count(a => a == HttpStatusCode.UnprocessableEntity)));
        Assert.Equal(20, files.Select(f => (string)f["name"]!).Distinct().Count());
        foreach (var file in files.Where(f => f != same))
            Assert.Equal((string)file["sha256"]!, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(await two.Client.GetByteArrayAsync((string)file["url"]!))));
        Assert.Equal(19, RunningHost.Rows(await two.GetAsync($"{order}/attachments")).Count);
    }

    private static Task<RunningHost> StartAsync(string address, params string[] plugins) => StartAsync(address, [], plugins);

    private static Task<RunningHost> StartAsync(string address, string[] settings, params string[] plugins) => RunningHost.StartAsync(
        [Path.Combine(Programs.Plugins, "engines.postgresql"), .. plugins.Length == 0 ? [Path.Combine(Programs.Samples, "orders")] : plugins.Select(p => Path.Combine(Programs.Plugins, p))],
        ["--database:type=postgresql", $"--database:connectionString={address}", "--security:localAdministrator=true", "--server:http2Port=0", .. settings]);
}
