using System.Text.Json.Nodes;

namespace Nexus.Finance.Ledger.Http;

/// <summary>What the console shows of the books: widgets with what there is and what was booked last, and pages of a chosen book: figures over time, and the balances of its accounts.</summary>
internal static class LedgerPages
{
    private static readonly LocalText NoBook = new LocalText("No book is open yet. Open one with POST /api/business/ledger/books, and it has its figures here.").In("de", "Noch kein Buch ist eröffnet. Eröffne eines mit POST /api/business/ledger/books, dann stehen hier seine Zahlen.");
    private static readonly LocalText NothingBooked = new LocalText("Nothing is booked yet. Post a journal with POST /api/business/ledger/journals, or import a statement.").In("de", "Noch ist nichts gebucht. Buche mit POST /api/business/ledger/journals oder lies einen Kontoauszug ein.");

    /// <summary>Declares them.</summary>
    public static void Add(IPluginBuilder plugin)
    {
        plugin.AddWidget("books", new LocalText("Books").In("de", "Bücher"), Held("/p/finance.ledger/dashboard?book={book}&commodity={commodity}"), widget => widget with { Width = 2 });
        plugin.AddWidget("recent", new LocalText("Booked last").In("de", "Zuletzt gebucht"), Recent("journals?sort=-createdAt&limit=5"), widget => widget with { Width = 2 });
        plugin.AddPage("dashboard", new LocalText("Finances").In("de", "Finanzen"), Dashboard(), page => page with { Icon = "chart" });
        plugin.AddPage("balances", new LocalText("Balances").In("de", "Salden"), new Component("container",
            Books(),
            new Component("card", new Component("data-grid")
            {
                ["source"] = "books/{book}/balances",
                ["items"] = "balances",
                ["every"] = 15,
                ["size"] = 20,
                ["empty"] = NothingBooked.ToJsonNode(),
                ["columns"] = new JsonArray(Column("path", "Account", "Konto"), Column("type", "Type", "Art", "choice"), Column("amount", "Balance", "Saldo", "number"), Column("commodity", "Currency", "Währung")),
            })), page => page with { Icon = "wallet", Position = 1 });
    }

    private static Component Dashboard() => new("container",
        new Component("card", Held("/p/finance.ledger/dashboard?book={book}&commodity={commodity}")) { ["title"] = new LocalText("All books, each currency by itself").In("de", "Alle Bücher, jede Währung für sich").ToJsonNode() },
        new Component("flex",
            Books(),
            new Component("select") { ["name"] = "commodity", ["label"] = new LocalText("Currency").In("de", "Währung").ToJsonNode(), ["source"] = "books/{book}/overview", ["items"] = "items", ["optionValue"] = "commodity", ["optionLabel"] = "commodity", ["first"] = true, ["required"] = true }),
        new Component("grid",
            Figure("assets", "Total balance", "Guthaben"),
            Figure("netWorth", "Net worth", "Reinvermögen"),
            Figure("income", "Income this month", "Einnahmen in diesem Monat"),
            Figure("expenses", "Expenses this month", "Ausgaben in diesem Monat")) { ["columns"] = 4 },
        new Component("grid",
            new Component("card", Months("Income and expenses", "Einnahmen und Ausgaben", "bar", ("income", "Income", "Einnahmen"), ("expenses", "Expenses", "Ausgaben"))),
            new Component("card", Months("Net worth over time", "Reinvermögen im Lauf der Zeit", "area", ("netWorth", "Net worth", "Reinvermögen")))) { ["columns"] = 2 },
        new Component("card", Recent("journals?filter[book][$eq]={book}&sort=-seq&limit=10")) { ["title"] = new LocalText("Booked last").In("de", "Zuletzt gebucht").ToJsonNode() });

    private static Component Books() => new("select") { ["name"] = "book", ["label"] = new LocalText("Book").In("de", "Buch").ToJsonNode(), ["source"] = "books?sort=name", ["first"] = true, ["required"] = true };

    private static Component Held(string page) => new("table")
    {
        ["source"] = "overview",
        ["items"] = "items",
        ["every"] = 30,
        ["empty"] = NoBook.ToJsonNode(),
        ["columns"] = new JsonArray(
            Column("name", "Book", "Buch", page: page),
            Column("commodity", "Currency", "Währung"),
            Column("assets", "Total balance", "Guthaben", "money"),
            Column("liabilities", "Debts", "Schulden", "money"),
            Column("netWorth", "Net worth", "Reinvermögen", "money")),
    };

    private static Component Recent(string source) => new("table")
    {
        ["source"] = source,
        ["every"] = 15,
        ["empty"] = NothingBooked.ToJsonNode(),
        ["columns"] = new JsonArray(
            Column("bookedOn", "Day", "Tag", "date"),
            Column("payee", "With whom", "Mit wem", page: "/r/finance.ledger.journals/{id}"),
            Column("narration", "For what", "Wofür"),
            Column("seq", "Number", "Nummer", "number", "/r/finance.ledger.journals/{id}")),
    };

    private static Component Figure(string field, string english, string german) => new("card", new Component("metric")
    {
        ["label"] = new LocalText(english).In("de", german).ToJsonNode(), ["source"] = "books/{book}/overview?commodity={commodity}", ["from"] = "items.0." + field, ["kind"] = "money", ["every"] = 15,
    });

    private static Component Months(string english, string german, string shape, params (string Field, string English, string German)[] lines) => new("chart")
    {
        ["label"] = new LocalText(english).In("de", german).ToJsonNode(),
        ["source"] = "books/{book}/months?commodity={commodity}",
        ["items"] = "items",
        ["every"] = 30,
        ["shape"] = shape,
        ["x"] = "month",
        ["y"] = new JsonArray([.. lines.Select(l => (JsonNode)l.Field)]),
        ["labels"] = new JsonArray([.. lines.Select(l => (JsonNode?)new LocalText(l.English).In("de", l.German).ToJsonNode())]),
        ["kind"] = "money",
    };

    private static JsonObject Column(string field, string english, string german, string kind = "text", string? page = null)
    {
        var column = new JsonObject { ["field"] = field, ["label"] = new LocalText(english).In("de", german).ToJsonNode(), ["kind"] = kind };
        if (page is not null)
            column["page"] = page;
        return column;
    }
}
