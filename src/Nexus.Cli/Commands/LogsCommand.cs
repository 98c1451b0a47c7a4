using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus logs</c>: the newest lines of a node, and those that follow.</summary>
internal static class LogsCommand
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    public static Command Build()
    {
        var level = new Option<string?>("--level") { Description = "Least level" };
        level.AcceptOnlyFromAmong("trace", "debug", "information", "warning", "error", "critical", "TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL");
        var component = new Option<string?>("--component") { Description = "Beginning of the category, such as Nexus.Gateway" };
        var search = new Option<string?>("--search") { Description = "Part of the text, the failure, the category or the request's id" };
        var request = new Option<string?>("--request") { Description = "Id of a request" };
        var from = new Option<DateTimeOffset?>("--from") { Description = "From then on: a moment, or a time until now such as 90s, 10m, 2h, 1d", CustomParser = Moment };
        var to = new Option<DateTimeOffset?>("--to") { Description = "Before then, likewise", CustomParser = Moment };
        var limit = new Option<int>("--limit") { Description = "How many lines at first, 1 to 1000", DefaultValueFactory = _ => 200 };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on printing lines as they come, until Ctrl-C" };
        var command = new Command("logs", "Print the newest lines of the node's log") { level, component, search, request, from, to, limit, follow };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            (string Name, string? Value)[] query =
            [
                ("level", call.GetValue(level) is "INFO" ? "information" : call.GetValue(level)), ("component", call.GetValue(component)), ("search", call.GetValue(search)), ("request", call.GetValue(request)),
                ("from", call.GetValue(from)?.ToString("O", CultureInfo.InvariantCulture)), ("to", call.GetValue(to)?.ToString("O", CultureInfo.InvariantCulture)), ("limit", call.GetValue(limit).ToString(CultureInfo.InvariantCulture)),
            ];
            return await PrintAsync(call, host, "/api/v1/logs?" + string.Join('&', query.Where(q => q.Value is not null).Select(q => $"{q.Name}={Uri.EscapeDataString(q.Value!)}")), call.GetValue(follow), cancel);
        });
        return command;
    }

    /// <summary>Prints lines, and on request those that come later.</summary>
    public static async Task<int> PrintAsync(ParseResult call, Host host, string address, bool follow, CancellationToken cancel)
    {
        var lines = (JsonArray)(await host.GetAsync(address, cancel))!;
        var result = Output.Print(call, lines, Text);
        var last = 0L;
        while (follow && !cancel.IsCancellationRequested)
        {
            last = lines.Count == 0 ? last : (long)lines[^1]!["number"]!;
            await Task.Delay(Pause, cancel);
            lines = (JsonArray)(await host.GetAsync($"{address}&after={last.ToString(CultureInfo.InvariantCulture)}", cancel))!;
            if (lines.Count > 0)
                Output.Print(call, lines, Text);
        }

        return result;
    }

    private static void Text(JsonNode? lines)
    {
        foreach (var line in (JsonArray)lines!)
            Console.WriteLine($"{line!["at"]} {((string?)line["level"])?.ToUpperInvariant(),-11} {line["category"]}: {line["message"]}{((string?)line["error"] is { } error ? "\n    " + error.Replace("\n", "\n    ", StringComparison.Ordinal) : "")}");
    }

    private static DateTimeOffset? Moment(ArgumentResult given)
    {
        var text = given.Tokens[0].Value;
        TimeSpan? unit = text[^1] switch { 's' => TimeSpan.FromSeconds(1), 'm' => TimeSpan.FromMinutes(1), 'h' => TimeSpan.FromHours(1), 'd' => TimeSpan.FromDays(1), _ => null };
        if (unit is { } one && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= 10_000_000)
            return TimeProvider.System.GetUtcNow() - (one * count);
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var moment))
            return moment;
        given.AddError($"'{text}' is neither a moment such as 2026-01-02T03:04:05Z nor a time until now such as 10m.");
        return null;
    }
}
