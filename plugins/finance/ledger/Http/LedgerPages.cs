using System.Text.Json.Nodes;

namespace Nexus.Finance.Ledger.Http;

/// <summary>What the console shows of the books: a widget, and the balances and accounts of a chosen book.</summary>
internal static class LedgerPages
{
    /// <summary>Declares them.</summary>
    public static void Add(IPluginBuilder plugin)
    {
        plugin.AddWidget("books", new LocalText("Books").In("de", "Bücher"), new Component("table")
        {
            ["source"] = "books?sort=name",
            ["every"] = 30,
            ["empty"] = new LocalText("No book is open yet. Open one with POST /api/business/ledger/books.").In("de", "Noch kein Buch ist eröffnet. Eröffne eines mit POST /api/business/ledger/books."),
            ["columns"] = new JsonArray(
                Column("name", "Book", "Buch", page: "/p/finance.ledger/balances?book={id}"),
                Column("baseCommodity", "Currency", "Währung"),
                Column("journals", "Journals", "Buchungen", "number")),
        });
        plugin.AddPage("balances", new LocalText("Balances").In("de", "Salden"), new Component("container",
            new Component("select") { ["name"] = "book", ["label"] = new LocalText("Book").In("de", "Buch"), ["source"] = "books?sort=name" },
            new Component("card", new Component("data-grid")
            {
                ["source"] = "books/{book}/balances",
                ["items"] = "balances",
                ["every"] = 15,
                ["size"] = 20,
                ["empty"] = new LocalText("Nothing is booked yet.").In("de", "Noch ist nichts gebucht."),
                ["columns"] = new JsonArray(Column("path", "Account", "Konto"), Column("type", "Type", "Art", "choice"), Column("amount", "Balance", "Saldo", "number"), Column("commodity", "Currency", "Währung")),
            })), page => page with { Icon = "wallet" });
    }

    private static JsonObject Column(string field, string english, string german, string kind = "text", string? page = null)
    {
        var column = new JsonObject { ["field"] = field, ["label"] = new LocalText(english).In("de", german).ToJsonNode(), ["kind"] = kind };
        if (page is not null)
            column["page"] = page;
        return column;
    }
}
