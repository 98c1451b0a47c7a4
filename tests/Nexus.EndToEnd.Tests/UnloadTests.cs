using System.Net.Http.Headers;
using System.Text;

namespace Nexus.EndToEnd.Tests;

/// <summary>The plugins that ship leave memory after real use: five swaps, then off, nothing alive.</summary>
public sealed class UnloadTests
{
    private const int Swaps = 5;

    [Fact]
    public async Task The_ledger_leaves_memory()
    {
        await using var host = await RunningHost.StartAsync([Path.Combine(Programs.Plugins, "finance.ledger")], ["--plugins:unloadLimit=60s"]);
        await SwapAsync(host, UseLedgerAsync, "finance.ledger");
    }

    [Fact]
    public async Task Orders_and_inventory_leave_memory()
    {
        await using var host = await RunningHost.StartAsync([Sample("orders"), Sample("inventory")], ["--plugins:unloadLimit=60s"]);
        await SwapAsync(host, UseOrdersAsync, "orders", "inventory");
    }

    [Fact]
    public async Task Users_mail_and_analytics_leave_memory()
    {
        await using var host = await RunningHost.StartAsync([Sample("users"), Sample("email"), Sample("analytics")], ["--plugins:unloadLimit=60s"]);
        await SwapAsync(host, RegisterAsync, "users", "email", "analytics");
    }

    private static async Task SwapAsync(RunningHost host, Func<RunningHost, int, Task> use, params string[] plugins)
    {
        await use(host, 0);
        for (var swap = 1; swap <= Swaps; swap++)
        {
            foreach (var plugin in plugins) await host.PostAsync($"/api/v1/plugins/{plugin}/reload");
            await use(host, swap);
        }

        foreach (var plugin in plugins) await LeftAsync(host, plugin);
        foreach (var plugin in plugins)
        {
            var off = await host.PostAsync($"/api/v1/plugins/{plugin}/disable?force");
            Assert.True(((string)off["state"]!).Equals("stopped", StringComparison.OrdinalIgnoreCase) && (int)off["generationsAlive"]! == 0, $"{off}\n{host.Log}");
        }
    }

    private static async Task LeftAsync(RunningHost host, string plugin)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while ((int)(await host.GetAsync($"/api/v1/plugins/{plugin}"))["generationsAlive"]! > 0)
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(90)) Assert.Fail($"{plugin} stays in memory: {await host.GetAsync($"/api/v1/plugins/{plugin}/why-alive")}");
            await Task.Delay(50);
        }

        Assert.Equal(Swaps + 1, (int)(await host.GetAsync($"/api/v1/plugins/{plugin}"))["generation"]!);
    }

    private static async Task UseOrdersAsync(RunningHost host, int round)
    {
        await host.PostAsync("/api/business/inventory/stock/", new { sku = $"tea{round}", quantity = 10 });
        var order = await host.PostAsync("/api/business/orders/orders/", new { customer = "Ada", sku = $"tea{round}", quantity = 3, total = new { amount = "4.50", currency = "EUR" } });
        await host.PostAsync($"/api/business/orders/orders/{(string)order["id"]!}/actions/pay");
        await host.GetAsync("/api/business/orders/orders/?q=Ada&filter[sku]=tea0&sort=-createdAt&limit=2");
        using var refused = await host.Client.PostAsync(new Uri($"/api/business/orders/orders/{(string)order["id"]!}/actions/cancel", UriKind.Relative), null);
        Assert.False(refused.IsSuccessStatusCode);
        await host.UntilAsync($"/api/business/inventory/stock/?filter[sku]=tea{round}", stock => (int)RunningHost.Rows(stock)[0]["quantity"]! == 7);
    }

    private static async Task RegisterAsync(RunningHost host, int round)
    {
        await host.PostAsync("/api/business/users/register", new { name = "Ada", email = $"ada{round}@example.org" });
        await host.UntilAsync("/api/analytics/analytics/registrations/", found => RunningHost.Rows(found).Count == round + 1);
        await host.GetAsync("/api/integration/email/mails/");
    }

    private static async Task UseLedgerAsync(RunningHost host, int round)
    {
        const string Root = "/api/business/ledger";
        var book = (string)(await host.PostAsync($"{Root}/books", new { name = $"Home {round}", baseCommodity = "EUR" }))["id"]!;
        foreach (var (path, type) in new[] { ("Assets:Bank", "asset"), ("Expenses:Food", "expense") }) await host.PostAsync($"{Root}/books/{book}/accounts", new { path, type, commodity = "EUR" });
        var journal = await host.PostAsync($"{Root}/journals", new { book, bookedOn = "2024-01-15", payee = "Market", postings = new[] { new { account = "Expenses:Food", amount = "12.50", commodity = "EUR" }, new { account = "Assets:Bank", amount = "-12.50", commodity = "EUR" } } });
        var bank = (string)journal["postings"]![1]!["account"]!;
        await host.GetAsync($"{Root}/accounts/{bank}/register");
        await host.GetAsync($"{Root}/books/{book}/balances");
        await host.GetAsync($"{Root}/postings?filter[account]={bank}&sort=-bookedOn&count=true&limit=1");
        await host.PostAsync("/graphql", new { query = $"{{ me {{ sees {{ financeLedgerBook(id: \"{book}\") {{ accountsByBook(first: 5) {{ balancesByAccount(first: 5) {{ amount {{ amount }} }} postingsByAccount(first: 5) {{ journal {{ payee }} }} }} }} }} }} }}" });
        var reversed = await host.PostAsync("/graphql", new { query = $"mutation {{ financeLedgerReverseJournal(input: {{journal: \"{(string)journal["id"]!}\"}}) {{ id }} }}" });
        Assert.Null(reversed["errors"]);
        foreach (var file in new[] { "Date,Description,Amount\n2024-01-05,Coffee,-3.50\n2024-01-05,Coffee,-3.50\n", "!Type:Bank\nD13/01/2024\nT-5.00\nPTea\n^\n" })
        {
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(file));
            content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            using var imported = await host.Client.PostAsync(new Uri($"{Root}/imports?account={bank}", UriKind.Relative), content);
            Assert.True(imported.IsSuccessStatusCode, await imported.Content.ReadAsStringAsync() + host.Log);
        }
    }

    private static string Sample(string name) => Path.Combine(Programs.Samples, name);
}
