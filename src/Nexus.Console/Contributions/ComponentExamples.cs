using System.Text.Json.Nodes;

namespace Nexus.UserInterface.Contributions;

/// <summary>An example of each type that can be shown without data of anybody: what the console's page of components shows.</summary>
internal static class ComponentExamples
{
    private static readonly string[] Tones = ["info", "success", "warning", "danger"];

    private static LocalText Of(string english, string german) => new LocalText(english).In("de", german);

    private static Component Text(string english, string german) => new("text") { ["text"] = Of(english, german) };

    private static Component Card(string english, string german) => new("card", Text(english, german));

    private static JsonArray Months() => Rows(("Jan", 12, 7), ("Feb", 19, 9), ("Mar", 15, 14), ("Apr", 24, 11), ("May", 31, 18), ("Jun", 28, 21));

    private static JsonArray Rows(params (string Month, int In, int Out)[] rows) => new([.. rows.Select(r => (JsonNode)new JsonObject { ["month"] = r.Month, ["income"] = r.In, ["spent"] = r.Out })]);

    private static JsonArray Columns() => new(
        new JsonObject { ["field"] = "month", ["label"] = Of("Month", "Monat").ToJsonNode() },
        new JsonObject { ["field"] = "income", ["label"] = Of("Income", "Einnahmen").ToJsonNode(), ["kind"] = "number" },
        new JsonObject { ["field"] = "spent", ["label"] = Of("Spent", "Ausgaben").ToJsonNode(), ["kind"] = "number" });

    private static JsonArray Links() => new(
        new JsonObject { ["label"] = Of("Home", "Start").ToJsonNode(), ["page"] = "/" },
        new JsonObject { ["label"] = Of("Components", "Bausteine").ToJsonNode(), ["page"] = "/showcase" });

    private static JsonArray Sizes() => new(
        new JsonObject { ["value"] = "small", ["label"] = Of("Small", "Klein").ToJsonNode() },
        new JsonObject { ["value"] = "large", ["label"] = Of("Large", "Groß").ToJsonNode() });

    /// <summary>The example, or null for what shows a plugin's own files.</summary>
    public static Component? Of(string type) => type switch
    {
        "container" => new(type, Text("One part", "Ein Teil"), Text("and the next", "und der nächste")) { ["width"] = 480 },
        "grid" => new(type, Card("First", "Erstens"), Card("Second", "Zweitens"), Card("Third", "Drittens")) { ["columns"] = 3 },
        "flex" => new(type, Card("Left", "Links"), Card("Right", "Rechts")) { ["justify"] = "between" },
        "card" => new(type, Text("Parts in a frame.", "Teile in einem Rahmen.")) { ["title"] = Of("Card", "Karte") },
        "panel" => new(type, Text("Folded away until somebody looks.", "Zugeklappt, bis jemand hineinsieht.")) { ["title"] = Of("Details", "Einzelheiten"), ["open"] = true },
        "sidebar" => new(type, Card("Beside", "Daneben"), Text("The part that matters has the room.", "Der Teil, auf den es ankommt, hat den Platz.")),
        "section" => new(type, Text("What belongs together.", "Was zusammengehört.")) { ["title"] = Of("Section", "Abschnitt"), ["about"] = Of("One sentence about it.", "Ein Satz dazu.") },
        "header" => new(type) { ["title"] = Of("Heading", "Überschrift"), ["about"] = Of("What this page is for.", "Wofür diese Seite da ist.") },
        "divider" => new(type) { ["label"] = Of("or", "oder") },
        "spacer" => new(type) { ["size"] = 24 },
        "text" => new(type) { ["text"] = Of("Plain words.", "Einfache Worte."), ["tone"] = "strong" },
        "input" => new(type) { ["name"] = "example-name", ["label"] = "Name", ["help"] = Of("As on the letter box.", "Wie am Briefkasten.") },
        "textarea" => new(type) { ["name"] = "example-note", ["label"] = Of("Note", "Notiz"), ["lines"] = 2 },
        "select" => new(type) { ["name"] = "example-size", ["label"] = Of("Size", "Größe"), ["options"] = Sizes() },
        "checkbox" => new(type) { ["name"] = "example-gift", ["label"] = Of("It is a gift", "Es ist ein Geschenk") },
        "radio" => new(type) { ["name"] = "example-way", ["label"] = Of("Which one", "Welche"), ["options"] = Sizes() },
        "button" => new(type) { ["label"] = Of("To the first page", "Zur ersten Seite"), ["page"] = "/" },
        "form" => new(type, new Component("input") { ["name"] = "example-mail", ["label"] = "E-Mail", ["kind"] = "email", ["required"] = true }, new Component("checkbox") { ["name"] = "example-news", ["label"] = Of("News by mail", "Neues per Post") })
        {
            ["label"] = Of("Check", "Prüfen"), ["source"] = "/api/v1/ui/components/render", ["done"] = Of("Taken", "Angenommen"),
        },
        "table" => new(type) { ["rows"] = Months(), ["columns"] = Columns() },
        "data-grid" => new(type) { ["rows"] = Months(), ["columns"] = Columns(), ["size"] = 3 },
        "chart" => new("grid", Chart("line", "Line", "Linie"), Chart("area", "Area", "Fläche"), Chart("bar", "Bars", "Balken"), Chart("ring", "Ring", "Ring")) { ["columns"] = 2 },
        "metric" => new(type) { ["label"] = Of("Balance", "Saldo"), ["value"] = new JsonObject { ["amount"] = "1284.50", ["currency"] = "EUR" }, ["kind"] = "money", ["hint"] = Of("today", "heute") },
        "alert" => new("container", [.. Tones.Select(tone => new Component("alert") { ["title"] = tone, ["text"] = Of("What happened, and what to do.", "Was geschah und was zu tun ist."), ["tone"] = tone })]),
        "modal" => new(type, Text("Over the page.", "Über der Seite.")) { ["label"] = Of("Open", "Öffnen"), ["title"] = Of("Window", "Fenster") },
        "toast" => new(type) { ["label"] = Of("Say it", "Sag es"), ["text"] = Of("Said in passing.", "Im Vorbeigehen gesagt."), ["tone"] = "success" },
        "progress" => new(type) { ["label"] = Of("Import", "Import"), ["value"] = 64 },
        "spinner" => new(type) { ["label"] = Of("Reading", "Wird gelesen") },
        "menu" => new(type) { ["label"] = Of("Go to", "Gehe zu"), ["links"] = Links() },
        "breadcrumb" => new(type) { ["links"] = Links() },
        "tabs" => new(type, Text("The first part.", "Der erste Teil."), Text("The second part.", "Der zweite Teil.")) { ["labels"] = new JsonArray(Of("First", "Erster").ToJsonNode(), Of("Second", "Zweiter").ToJsonNode()) },
        "pagination" => new(type) { ["label"] = Of("Pages", "Seiten"), ["name"] = "example-page", ["pages"] = 7 },
        _ => null,
    };

    private static Component Chart(string shape, string english, string german) => new("chart")
    {
        ["label"] = Of(english, german), ["shape"] = shape, ["rows"] = Months(), ["x"] = "month", ["y"] = shape == "ring" ? new JsonArray("income") : new JsonArray("income", "spent"), ["height"] = 180,
    };
}
