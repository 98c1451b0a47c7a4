using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary>Commands on all nodes, and how far each node is.</summary>
internal static class RollingChangeView
{
    private static readonly (string, Func<JsonNode, string?>)[] Columns =
    [
        Output.Column("NODE", "node"), Output.Column("ADDRESS", "address"), Output.Column("STATE", "state"), Output.Column("FROM", "from"), Output.Column("DETAIL", "detail"),
    ];

    /// <summary>The option of every command that can be given to all nodes.</summary>
    public static Option<bool> Option() => new("--all-nodes") { Description = "On all nodes, one after another; where one fails, all go back" };

    /// <summary>Gives a command to all nodes and tells each node's steps as they come.</summary>
    public static async Task<int> RunAsync(ParseResult call, Host host, HttpMethod method, string path, JsonObject? body, CancellationToken cancellationToken)
    {
        using var content = method == HttpMethod.Delete ? null : new StringContent(body?.ToJsonString() ?? "{}", Encoding.UTF8, "application/json");
        await foreach (var line in host.LinesAsync(method, path, "application/x-ndjson", content, cancellationToken))
        {
            if (JsonNode.Parse(line) is not { } step || step["data"] is not { } data)
                continue;
            switch ((string?)step["event"])
            {
                case "progress" when !call.GetValue(Root.Json): Console.WriteLine(Output.Get(data, "step")); break;
                case "done": return Output.Print(call, data, Show);
                case "failed": throw new CliException($"{Output.Get(data, "code")}: {Output.Get(data, "detail")}");
            }
        }

        throw new CliException("nexus: the node left in the middle; the change goes on without it. `nexus nodes changes` shows how far it is.");
    }

    /// <summary>A change with its nodes.</summary>
    public static void Show(JsonNode? change)
    {
        Console.WriteLine($"{Output.Get(change!, "plugin")}: {Output.Get(change!, "kind")} {Output.Get(change!, "version")} {Output.Get(change!, "state")}{(Output.Get(change!, "reason") is { Length: > 0 } reason ? $": {reason}" : "")}");
        Output.Table(change!["nodes"], Columns);
    }
}
