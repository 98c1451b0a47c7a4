using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Nexus.Cli.Top;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus top</c>: the plugins of a host with their load, renewed until it is ended.</summary>
internal static class TopCommand
{
    private static readonly string[] Titles = ["PLUGIN", "VERSION", "STATE", "HEALTH", "REQ/S", "ERR/S", "P95", "IN FLIGHT", "REQUESTS", "MEMORY"];

    public static Command Build()
    {
        var once = new Option<bool>("--once") { Description = "Look twice, an interval apart, print the table and end; so it is too when the output is not a terminal" };
        var interval = new Option<double>("--interval") { Description = "Seconds between two looks, 0.2 to 60", DefaultValueFactory = _ => 2 };
        var sort = new Option<string>("--sort") { Description = "Column that comes first", DefaultValueFactory = _ => "rate" };
        sort.AcceptOnlyFromAmong("rate", "errors", "p95", "memory", "id");
        var command = new Command("top", "Watch the plugins of a host with their load; q or Ctrl-C ends it") { once, interval, sort };
        command.SetAction(async (call, cancel) =>
        {
            if (call.GetValue(interval) is not (>= 0.2 and <= 60))
                throw new CliException("nexus: --interval is 0.2 to 60 seconds.", ExitCodes.Usage);
            using var host = Host.Of(call);
            var (pause, order) = (TimeSpan.FromSeconds(call.GetValue(interval)), call.GetValue(sort)!);
            var first = await LookAsync(host, cancel);
            if (!call.GetValue(once) && !call.GetValue(Root.Json) && !Console.IsOutputRedirected)
                return await WatchAsync(host, first, pause, order, cancel);
            await Task.Delay(pause, cancel);
            var second = await LookAsync(host, cancel);
            var rows = PluginRow.Between(first, second, order);
            if (call.GetValue(Root.Json))
                return Output.Print(call, new JsonObject { ["host"] = host.Address.ToString(), ["plugins"] = new JsonArray([.. rows.Select(r => r.ToJson())]) }, Output.Text);
            Console.WriteLine(Head(host, rows, second));
            Output.Table(new JsonArray([.. rows.Select(r => new JsonArray([.. r.Cells().Select(c => JsonValue.Create(c))]))]), [.. Titles.Select((title, i) => (title, (Func<JsonNode, string?>)(row => (string?)row[i])))]);
            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<Look> LookAsync(Host host, CancellationToken cancel)
    {
        var at = Stopwatch.GetElapsedTime(0);
        var plugins = await host.GetAsync("/api/v1/plugins", cancel);
        // As text: who accepts JSON gets the metrics over time.
        var metrics = new System.Text.StringBuilder();
        await foreach (var line in host.LinesAsync(HttpMethod.Get, "/metrics", "text/plain", null, cancel))
            metrics.Append(line).Append('\n');
        return Look.Of(plugins, metrics.ToString(), at);
    }

    private static async Task<int> WatchAsync(Host host, Look first, TimeSpan pause, string order, CancellationToken cancel)
    {
        var last = first;
        await AnsiConsole.Live(Draw(host, PluginRow.Between(null, first, order), first, null)).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
        {
            while (!await QuitAsync(pause, cancel))
            {
                try
                {
                    var now = await LookAsync(host, cancel);
                    live.UpdateTarget(Draw(host, PluginRow.Between(last, now, order), now, null));
                    last = now;
                }
                catch (Exception e) when (e is HttpRequestException or CliException)
                {
                    // A host that starts anew, or whom nothing reaches for a while, is waited for: the last table stays with the reason above it.
                    live.UpdateTarget(Draw(host, PluginRow.Between(null, last, order), last, e.Message));
                }
            }
        });
        return ExitCodes.Done;
    }

    /// <summary>Waits for the next look; true when somebody wants to end.</summary>
    private static async Task<bool> QuitAsync(TimeSpan pause, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < pause)
        {
            if (!Console.IsInputRedirected && Console.KeyAvailable && Console.ReadKey(intercept: true).KeyChar is 'q' or 'Q')
                return true;
            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancel);
            }
            catch (OperationCanceledException)
            {
                return true;
            }
        }

        return false;
    }

    private static Rows Draw(Host host, PluginRow[] rows, Look look, string? trouble)
    {
        var table = new Table().Border(TableBorder.Minimal);
        for (var i = 0; i < Titles.Length; i++)
            table.AddColumn(new TableColumn(new Markup($"[grey]{Titles[i]}[/]")) { Alignment = i > 3 ? Justify.Right : Justify.Left, NoWrap = true });
        foreach (var row in rows)
            table.AddRow([.. row.Cells().Select((cell, i) => (IRenderable)new Text(cell, Colour(row, i)))]);
        return new Rows(trouble is null ? new Text(Head(host, rows, look)) : new Text($"{host.Address} does not answer: {trouble}", Color.Red), table);
    }

    private static Style Colour(PluginRow row, int column) => column switch
    {
        2 => row.State switch { "Active" => Color.Green, "Failed" or "Quarantined" => Color.Red, _ => Color.Yellow },
        3 => row.Health switch { "Healthy" => Color.Green, "Unhealthy" => Color.Red, _ => Color.Yellow },
        5 => row.ErrorRate > 0 ? Color.Red : Color.Default,
        _ => Color.Default,
    };

    private static string Head(Host host, PluginRow[] rows, Look look)
    {
        string Part(string title, string name, string format, string unit = "", double scale = 1) =>
            look.Find(name) is { } value ? $" · {title} {(value * scale).ToString(format, CultureInfo.InvariantCulture)}{unit}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{host.Address} · {rows.Length} plugins · {rows.Sum(r => r.Rate ?? 0):0.0} req/s")
            + Part("processor", "cpu_usage_percent", "0", " %") + Part("memory", "memory_usage_percent", "0", " %") + Part("resident", "process_resident_memory_bytes", "0", " MB", 1d / 1_048_576)
            + Part("cache hits", "cache_hit_ratio", "0", " %", 100);
    }
}
