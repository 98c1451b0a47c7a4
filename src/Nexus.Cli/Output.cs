using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Nexus.Cli;

/// <summary>Prints JSON for programs or tables for people.</summary>
internal static class Output
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Prints a whole answer: as JSON with <c>--json</c>, else by <paramref name="people"/>.</summary>
    public static int Print(ParseResult call, JsonNode? answer, Action<JsonNode?> people)
    {
        if (call.GetValue(Root.Json)) Console.WriteLine(answer?.ToJsonString(Indented) ?? "null");
        else people(answer);
        return ExitCodes.Done;
    }

    public static void Text(JsonNode? answer) => Console.WriteLine(answer switch
    {
        null => "(none)",
        JsonValue value when value.TryGetValue(out string? text) => text,
        _ => answer.ToJsonString(Indented),
    });

    /// <summary>A table of the named columns over the rows of an answer (an array, or the first array within an object).</summary>
    public static void Table(JsonNode? answer, params (string Title, Func<JsonNode, string?> Value)[] columns)
    {
        var rows = Rows(answer);
        if (rows.Count == 0)
        {
            Console.WriteLine("(none)");
            return;
        }

        // Piped output keeps whole lines: no terminal width cuts a value that a script reads.
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine(string.Join('\t', columns.Select(c => c.Title)));
            foreach (var row in rows) Console.WriteLine(string.Join('\t', columns.Select(c => c.Value(row) ?? "")));
            return;
        }

        var table = new Table().Border(TableBorder.Minimal);
        foreach (var (title, _) in columns) table.AddColumn(new TableColumn(new Markup($"[grey]{Markup.Escape(title)}[/]")));
        foreach (var row in rows) table.AddRow([.. columns.Select(c => new Text(c.Value(row) ?? ""))]);
        AnsiConsole.Write(table);
    }

    public static IReadOnlyList<JsonNode> Rows(JsonNode? answer) => answer switch
    {
        JsonArray array => [.. array.OfType<JsonNode>()],
        JsonObject found when found.Select(p => p.Value).OfType<JsonArray>().FirstOrDefault() is { } array => [.. array.OfType<JsonNode>()],
        _ => [],
    };

    /// <summary>The text of a property, whatever its JSON kind.</summary>
    public static string? Get(JsonNode row, string name) => row is JsonObject fields && fields[name] is { } value
        ? value is JsonValue scalar && scalar.TryGetValue(out string? text) ? text : value is JsonArray list ? string.Join(" ", list.Select(v => v?.ToString())) : value.ToJsonString()
        : null;

    public static (string Title, Func<JsonNode, string?> Value) Column(string title, string property) => (title, row => Get(row, property));

    /// <summary>Shows that long work goes on; nothing when the output is read by a program.</summary>
    public static Task<T> WhileAsync<T>(ParseResult call, string what, Func<Task<T>> work) =>
        call.GetValue(Root.Json) || Console.IsOutputRedirected
            ? work()
            : AnsiConsole.Status().Spinner(Spinner.Known.Dots).StartAsync(Markup.Escape(what), _ => work());
}
