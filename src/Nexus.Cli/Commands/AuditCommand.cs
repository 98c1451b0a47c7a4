using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus audit</c>: read, verify, prove and export the audit trail.</summary>
internal static class AuditCommand
{
    private static readonly (string, Func<JsonNode, string?>)[] Columns =
        [Output.Column("POSITION", "position"), Output.Column("AT", "at"), Output.Column("ACTOR", "actor"), Output.Column("ACTION", "action"), Output.Column("SUBJECT", "subject"), Output.Column("RESULT", "result"), Output.Column("ADDRESS", "address")];

    public static Command Build() => new("audit", "Read, verify, prove and export the audit trail") { List(), Verify(), Acknowledge(), Prove(), Export(), Report(), Alerts() };

    private static Command List()
    {
        var limit = new Option<int>("--limit") { Description = "How many", DefaultValueFactory = _ => 50 };
        var filters = Filters();
        var command = new Command("list", "List entries, newest first") { limit };
        filters.ForEach(command.Add);
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var query = string.Concat(Chosen(call, filters).Select(f => $"&{f.Name}={Uri.EscapeDataString(f.Value)}"));
            return Output.Print(call, await host.GetAsync($"/api/v1/audit?limit={call.GetValue(limit)}{query}", cancel), found => Output.Table(found, Columns));
        });
        return command;
    }

    private static Command Verify()
    {
        var command = new Command("verify", "Check the whole trail; exits 1 and names the first entry that is not as it was sealed");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            JsonNode? report = null;
            await foreach (var line in host.LinesAsync(HttpMethod.Post, "/api/v1/audit/verify", "application/x-ndjson", null, cancel))
            {
                report = JsonNode.Parse(line);
                if (report?["sound"] is null && !call.GetValue(Root.Json) && !Console.IsErrorRedirected)
                    await Console.Error.WriteAsync($"\r{report?["verified"]} of {report?["entries"]} entries");
            }

            if (!call.GetValue(Root.Json) && !Console.IsErrorRedirected) await Console.Error.WriteAsync("\r");
            Output.Print(call, report, answer =>
            {
                Console.WriteLine(Describe(answer!));
                foreach (var word in (answer!["acknowledged"] as JsonArray ?? []).OfType<JsonObject>())
                    Console.WriteLine(Describe(word, $"acknowledged by {word["actor"]} at {word["at"]} ({word["reason"]})"));
            });
            return (bool?)report?["sound"] == true ? ExitCodes.Done : ExitCodes.Refused;
        });
        return command;
    }

    private static Command Acknowledge()
    {
        var reason = new Argument<string>("reason") { Description = "Why the database was put back; it stays in the trail, in the anchors and in every verification" };
        var command = new Command("acknowledge", "Say that the database was put back to an earlier state, so that the trail is verified from there on") { reason };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync("/api/v1/audit/acknowledge", new JsonObject { ["reason"] = call.GetValue(reason) }, cancel), word => Console.WriteLine(Describe(word, "acknowledged")));
        });
        return command;
    }

    private static Command Prove()
    {
        var position = new Argument<long>("position") { Description = "Position of the entry" };
        var command = new Command("proof", "Print the evidence that an entry lies in the sealed trail") { position };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync(string.Create(CultureInfo.InvariantCulture, $"/api/v1/audit/{call.GetValue(position)}/proof"), cancel), Output.Text);
        });
        return command;
    }

    private static Command Export()
    {
        var format = new Option<string>("--format") { Description = "jsonl or csv", DefaultValueFactory = _ => "jsonl" };
        return Make("export", "Write entries to a file on the node, with its proof", "/api/v1/audit/exports", "format", format);
    }

    private static Command Report()
    {
        var kind = new Option<string>("--kind") { Description = "access (who reached what) or configuration (who changed which setting)", DefaultValueFactory = _ => "access" };
        return Make("report", "Write a compliance report to a file on the node, with its proof", "/api/v1/audit/reports", "kind", kind);
    }

    private static Command Make(string name, string description, string path, string member, Option<string> choice)
    {
        var filters = Filters();
        var command = new Command(name, description) { choice };
        filters.ForEach(command.Add);
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var body = new JsonObject { [member] = call.GetValue(choice) };
            foreach (var (filter, value) in Chosen(call, filters)) body[filter] = value;
            return Output.Print(call, await host.PostAsync(path, body, cancel), proof => Console.WriteLine($"/api/v1/audit/files/{proof?["name"]}\n{proof?["entries"]} entries, {proof?["bytes"]} bytes, SHA-256 {proof?["sha256"]}"));
        });
        return command;
    }

    private static Command Alerts()
    {
        var command = new Command("alerts", "List alerts that patterns of the trail raised, newest first");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/audit/alerts", cancel), found => Output.Table(found, Output.Column("AT", "at"), Output.Column("RULE", "rule"), Output.Column("WHO", "who"), Output.Column("COUNT", "count"), Output.Column("POSITION", "position")));
        });
        return command;
    }

    private static string Describe(JsonNode? word, string head) => $"{head}: the database was put back; entries {word?["first"]} to {word?["last"]} (seals {word?["fromSeal"]} to {word?["throughSeal"]}) are gone";

    private static string Describe(JsonNode report) => report["finding"] is { } finding
        ? $"NOT SOUND: entry {finding["position"]} is {finding["kind"]} (seal {finding["seal"]}): {finding["detail"]}"
        : $"sound: {report["entries"]} entries in {report["seals"]} seals, {report["seconds"]} s ({report["entriesPerSecond"]}/s); {report["archived"]} archived, {report["archivedElsewhere"]} of them elsewhere, {report["unanchored"]} seals not anchored yet";

    private static List<Option<string>> Filters() =>
    [
        new("--actor") { Description = "Id of the caller" }, new("--action") { Description = "Pattern, such as auth.*" }, new("--subject") { Description = "Pattern, such as orders/*" }, new("--result") { Description = "success, denied or failure" },
        new("--address") { Description = "Address of the caller" }, new("--from") { Description = "From this instant" }, new("--to") { Description = "Before this instant" }, new("--text") { Description = "Text within the detail" },
    ];

    private static IEnumerable<(string Name, string Value)> Chosen(ParseResult call, List<Option<string>> filters) =>
        filters.Select(f => (Name: f.Name == "--text" ? "q" : f.Name[2..], Value: call.GetValue(f))).Where(f => f.Value is not null)!;
}
