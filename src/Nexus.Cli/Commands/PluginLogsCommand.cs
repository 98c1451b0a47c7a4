using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus plugin logs</c>: the newest lines of one plugin, and those that follow.</summary>
internal static class PluginLogsCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    public static Command Build()
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var level = new Option<string?>("--level") { Description = "Least level: trace, debug, information, warning, error, critical" };
        var limit = new Option<int>("--limit") { Description = "How many lines at first, 1 to 1000", DefaultValueFactory = _ => 200 };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on printing lines as they come, until Ctrl-C" };
        var command = new Command("logs", "Print the newest lines that a plugin logged") { id, level, limit, follow };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var address = $"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}/logs?limit={call.GetValue(limit)}&level={Uri.EscapeDataString(call.GetValue(level) ?? "")}";
            var lines = (JsonArray)(await host.GetAsync(address, cancel))!;
            var result = Output.Print(call, lines, Text);
            while (call.GetValue(follow) && !cancel.IsCancellationRequested)
            {
                var last = lines.Count == 0 ? 0 : (long)lines[^1]!["number"]!;
                await Task.Delay(Pause, cancel);
                if (await host.GetAsync($"{address}&after={last.ToString(CultureInfo.InvariantCulture)}", cancel) is JsonArray { Count: > 0 } more)
                    Output.Print(call, lines = more, Text);
            }

            return result;
        });
        return command;
    }

    private static void Text(JsonNode? lines)
    {
        foreach (var line in (JsonArray)lines!)
            Console.WriteLine($"{line!["at"]} {((string?)line["level"])?.ToUpperInvariant(),-11} {line["category"]}: {line["message"]}{((string?)line["error"] is { } error ? "\n    " + error.Replace("\n", "\n    ", StringComparison.Ordinal) : "")}");
    }
}
