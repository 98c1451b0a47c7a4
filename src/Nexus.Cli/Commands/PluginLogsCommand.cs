using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus plugin logs</c>: the newest lines of one plugin, and those that follow.</summary>
internal static class PluginLogsCommand
{
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
            return await LogsCommand.PrintAsync(call, host, $"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}/logs?limit={call.GetValue(limit)}&level={Uri.EscapeDataString(call.GetValue(level) ?? "")}", call.GetValue(follow), cancel);
        });
        return command;
    }
}
