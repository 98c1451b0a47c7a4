using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus nodes</c>: the nodes of one storage.</summary>
internal static class NodesCommand
{
    public static Command Build()
    {
        var list = new Command("list", "List the nodes that live");
        list.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/nodes", cancel), found => Output.Table(found,
                Output.Column("ID", "id"), Output.Column("ADDRESS", "address"), ("ROLES", n => Words(n["roles"])), Output.Column("MACHINE", "machine"), Output.Column("STARTED", "startedAt"), Output.Column("SEEN", "seenAt"), ("PLUGINS", n => (n["plugins"] as JsonArray)?.Count.ToString(System.Globalization.CultureInfo.InvariantCulture)), Output.Column("SELF", "self")));
        });
        var changes = new Command("changes", "Show the newest change of each plugin on all nodes, with each node's part");
        changes.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/nodes/changes", cancel), found =>
            {
                foreach (var change in (JsonArray)found!) RollingChangeView.Show(change);
            });
        });
        return new Command("nodes", "Look at the nodes that share a storage") { list, changes };
    }

    private static string Words(JsonNode? array) => array is JsonArray words ? string.Join(", ", words.Select(w => (string?)w)) : "";
}
