using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Nexus.EndToEnd.Tests;

/// <summary>The books of a running host by GraphQL, whatever engine keeps them: a signed-in user, many accounts, many postings, one question.</summary>
internal static partial class LedgerGraph
{
    private const string Ledger = "/api/business/ledger";
    private const string First = "One-time 4 the first";
    private const string Password = "Correct-Horse-7";

    private const string Question = """
        query($book: ID!) { me { name roles sees { financeLedgerBook(id: $book) { name accountsByBook(first: 60, sort: [{field: path}]) { id path type
          postingsByAccount(first: 200, sort: [{field: number}]) { amount { amount currency } journal { id payee bookedOn } }
          balancesByAccount(first: 5) { amount { amount currency } } } } } } }
        """;

    /// <summary>Settings with which the host knows its administrator.</summary>
    public static string[] Settings { get; } = [$"--plugins:core.identity:administratorPassword={First}"];

    /// <summary>Fills two books, one of twice as many accounts, asks for each all at once, and holds the answers against REST.</summary>
    public static async Task HoldsAsync(RunningHost host)
    {
        await SignInAsync(host);
        var (small, large) = (await FillAsync(host, accounts: 20, journals: 28), await FillAsync(host, accounts: 40, journals: 14));
        // What the plans of statements and the schema cost once is over.
        await AskAsync(host, small);

        foreach (var (book, accounts, postings) in new[] { (small, 20, 28 * 20), (large, 40, 14 * 40) })
        {
            var before = await QueriesAsync(host);
            var me = await AskAsync(host, book);
            var cost = await QueriesAsync(host) - before;

            Assert.Equal(("Administrator", 5), ((string?)me["name"], cost));
            var found = me["sees"]!["financeLedgerBook"]!["accountsByBook"]!.AsArray().Where(a => a!["postingsByAccount"]!.AsArray().Count > 0).ToList();
            Assert.Equal((accounts, postings), (found.Count, found.Sum(a => a!["postingsByAccount"]!.AsArray().Count)));
            Assert.All(found, a => Assert.All(a!["postingsByAccount"]!.AsArray(), p => Assert.StartsWith("Market ", (string?)p!["journal"]!["payee"], StringComparison.Ordinal)));
            Assert.All(found, a => Assert.Equal(Sum(a!["postingsByAccount"]!), Sum(a["balancesByAccount"]!)));
            var rest = (await host.GetAsync($"{Ledger}/books/{book}/balances"))["balances"]!.AsArray().Select(b => $"{b!["path"]} {b["type"]} {b["amount"]} {b["commodity"]}");
            Assert.Equal(rest.Order(StringComparer.Ordinal), found.Select(a => $"{a!["path"]} {a["type"]} {a["balancesByAccount"]![0]!["amount"]!["amount"]} {a["balancesByAccount"]![0]!["amount"]!["currency"]}").Order(StringComparer.Ordinal));
        }
    }

    /// <summary>Posts and reverses by mutations, whose answers go on to what they changed.</summary>
    public static async Task ChangesAsync(RunningHost host)
    {
        await SignInAsync(host);
        var book = (string)(await host.PostAsync($"{Ledger}/books", new { name = "Home", baseCommodity = "EUR" }))["id"]!;
        foreach (var (path, type) in new[] { ("Assets:Bank", "asset"), ("Expenses:Food", "expense") })
            await host.PostAsync($"{Ledger}/books/{book}/accounts", new { path, type, commodity = "EUR" });
        const string Legs = "postingsByJournal(first: 10, sort: [{field: number}]) { amount { amount } account { path balancesByAccount(first: 1) { amount { amount } } } }";
        var variables = new { input = new { book, bookedOn = "2026-01-05", payee = "Bakery", postings = new[] { new { account = "Expenses:Food", amount = "12.30" }, new { account = "Assets:Bank", amount = "-12.30" } } } };

        var posted = (await QueryAsync(host, $"mutation($input: FinanceLedgerPostJournalInput!) {{ financeLedgerPostJournal(input: $input) {{ id seq payee {Legs} }} }}", variables))["data"]!["financeLedgerPostJournal"]!;
        var reversed = (await QueryAsync(host, $"mutation($id: String!) {{ financeLedgerReverseJournal(input: {{journal: $id, reason: \"Wrong\"}}) {{ seq reverses {{ id }} {Legs} }} }}", new { id = (string)posted["id"]! }))["data"]!["financeLedgerReverseJournal"]!;
        var unbalanced = await QueryAsync(host, "mutation($input: FinanceLedgerPostJournalInput!) { financeLedgerPostJournal(input: $input) { id } }", new { input = new { book, bookedOn = "2026-01-05", postings = new[] { new { account = "Expenses:Food", amount = "1" }, new { account = "Assets:Bank", amount = "-2" } } } });

        Assert.Equal("""[{"amount":{"amount":"12.30"},"account":{"path":"Expenses:Food","balancesByAccount":[{"amount":{"amount":"12.30"}}]}},{"amount":{"amount":"-12.30"},"account":{"path":"Assets:Bank","balancesByAccount":[{"amount":{"amount":"-12.30"}}]}}]""", posted["postingsByJournal"]!.ToJsonString());
        Assert.Equal((2, (string?)posted["id"], "0.00"), ((int)reversed["seq"]!, (string?)reversed["reverses"]!["id"], (string?)reversed["postingsByJournal"]![0]!["account"]!["balancesByAccount"]![0]!["amount"]!["amount"]));
        Assert.Equal("JOURNAL_UNBALANCED", (string?)unbalanced["errors"]![0]!["extensions"]!["code"]);
    }

    private static async Task SignInAsync(RunningHost host)
    {
        async Task UseAsync(string password) => host.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (string)(await host.PostAsync("/login", new { username = "admin", password }))["access_token"]!);
        if (host.Client.DefaultRequestHeaders.Authorization is not null)
            return;
        await UseAsync(First);
        await host.PostAsync("/api/v1/auth/password/change", new { current_password = First, new_password = Password });
        await UseAsync(Password);
    }

    private static async Task<string> FillAsync(RunningHost host, int accounts, int journals)
    {
        var book = (string)(await host.PostAsync($"{Ledger}/books", new { name = $"Book of {accounts}", baseCommodity = "EUR" }))["id"]!;
        await host.PostAsync($"{Ledger}/books/{book}/accounts", new { path = "Assets", type = "asset", commodity = "EUR" });
        for (var i = 1; i < accounts; i++)
            await host.PostAsync($"{Ledger}/books/{book}/accounts", new { path = $"Expenses {i:00}", type = "expense", commodity = "EUR" });
        for (var j = 0; j < journals; j++)
        {
            var legs = Enumerable.Range(1, accounts - 1).Select(i => (Account: $"Expenses {i:00}", Cents: (i * 1_000_003L) + j)).ToList();
            legs.Add(("Assets", -legs.Sum(l => l.Cents)));
            await host.PostAsync($"{Ledger}/journals", new { book, bookedOn = "2026-01-05", payee = $"Market {j}", postings = legs.Select(l => new { account = l.Account, amount = (l.Cents / 100m).ToString("0.00", CultureInfo.InvariantCulture) }) });
        }

        return book;
    }

    private static async Task<JsonNode> AskAsync(RunningHost host, string book)
    {
        var answer = await QueryAsync(host, Question, new { book });
        return answer["data"]?["me"] ?? throw new InvalidOperationException(answer.ToJsonString());
    }

    private static async Task<JsonNode> QueryAsync(RunningHost host, string query, object variables)
    {
        using var answer = await host.Client.PostAsJsonAsync("/graphql", new { query, variables });
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }

    private static decimal Sum(JsonNode amounts) => amounts.AsArray().Sum(a => decimal.Parse((string)a!["amount"]!["amount"]!, CultureInfo.InvariantCulture));

    /// <summary>Statements that the ledger's database has answered.</summary>
    private static async Task<int> QueriesAsync(RunningHost host) =>
        Counts().Matches(await host.Client.GetStringAsync("/metrics")).Where(m => m.Value.Contains("plugin=\"finance.ledger\"", StringComparison.Ordinal)).Sum(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture));

    [GeneratedRegex("""^database_query_duration_seconds_count\{[^\n]*\} (\d+)""", RegexOptions.Multiline)]
    private static partial Regex Counts();
}
