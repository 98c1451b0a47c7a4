using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus debug</c>: what a running node does and holds, each as a file that free tools open.</summary>
internal static class DebugCommand
{
    private const double MaxSeconds = 600;
    private static readonly string[] Kinds = ["mini", "heap", "full"];

    public static Command Build() => new("debug", "Record what a running node does and holds, each as a file: events, stacks, counters, memory")
    {
        Recording("trace", ".nettrace", "Events of the runtime and of requests with the stacks of all threads; PerfView and Visual Studio open the file, 'dotnet-trace convert' and 'report' too"),
        Recording("profile", ".speedscope.json", "Sampled stacks of all threads, to see where the time goes; https://www.speedscope.app opens the file, in the browser alone"),
        BuildDump(),
        BuildCounters(),
    };

    private static Command Recording(string name, string suffix, string description)
    {
        var (seconds, output, pid) = (SecondsOption(), OutputOption(), PidOption());
        var command = new Command(name, description) { seconds, output, pid };
        command.SetAction((call, cancel) => RunAsync(call, name, FileOf(call.GetValue(output), name, suffix), call.GetValue(pid), Seconds(call.GetValue(seconds)), cancel));
        return command;
    }

    private static Command BuildDump()
    {
        var (output, pid) = (OutputOption(), PidOption());
        var kind = new Option<string>("--type") { Description = "mini: threads and stacks; heap: all objects too; full: all memory", DefaultValueFactory = _ => "heap" };
        kind.AcceptOnlyFromAmong(Kinds);
        var command = new Command("dump", "The memory of the node, while it stands still; secrets stand in it. 'dotnet-dump analyze', Visual Studio and lldb open the file") { kind, output, pid };
        command.SetAction((call, cancel) => RunAsync(call, "dump", FileOf(call.GetValue(output), "dump", ".dmp"), call.GetValue(pid), call.GetValue(kind)!, cancel));
        return command;
    }

    private static Command BuildCounters()
    {
        var (seconds, output) = (SecondsOption(), OutputOption());
        var interval = new Option<double>("--interval") { Description = "Seconds between two looks, 0.2 to 60", DefaultValueFactory = _ => 1 };
        var command = new Command("counters", "Counters of the runtime and of Nexus over time, of any node that --url names: CSV, or JSON where the file ends in .json") { seconds, interval, output };
        command.SetAction(async (call, cancel) =>
        {
            _ = Seconds(call.GetValue(seconds));
            if (call.GetValue(interval) is not (>= 0.2 and <= 60)) throw new CliException("nexus: --interval is 0.2 to 60 seconds.", ExitCodes.Usage);
            using var host = Host.Of(call);
            var file = FileOf(call.GetValue(output), "counters", ".csv");
            await WhileAsync(call, async tell => await CountAsync(host, file, TimeSpan.FromSeconds(call.GetValue(seconds)), TimeSpan.FromSeconds(call.GetValue(interval)), tell, cancel));
            return Say(call, file);
        });
        return command;
    }

    private static Option<double> SecondsOption() => new("--seconds") { Description = "How long to record, 1 to 600", DefaultValueFactory = _ => 10 };

    private static Option<string?> OutputOption() => new("--output", "-o") { Description = "File to write, which must not exist; a name with the time in this folder when left out" };

    private static Option<int?> PidOption() => new("--pid") { Description = "Process of the node; asked of the host at --url when left out" };

    private static string Seconds(double seconds) => seconds is >= 1 and <= MaxSeconds ? seconds.ToString(CultureInfo.InvariantCulture) : throw new CliException($"nexus: --seconds is 1 to {MaxSeconds}.", ExitCodes.Usage);

    private static string FileOf(string? asked, string name, string suffix)
    {
        var file = Path.GetFullPath(asked ?? string.Create(CultureInfo.InvariantCulture, $"nexus-{name}-{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}{suffix}"));
        if (File.Exists(file) || Directory.Exists(file)) throw new CliException($"nexus: {file} exists; name another file with -o.");
        if (!Directory.Exists(Path.GetDirectoryName(file))) throw new CliException($"nexus: the folder {Path.GetDirectoryName(file)} does not exist.");
        return file;
    }

    /// <summary>Has the program beside the host do it, which talks to the runtime of the node: so only on the node's own machine, as its own user.</summary>
    private static async Task<int> RunAsync(ParseResult call, string what, string file, int? pid, string argument, CancellationToken cancel)
    {
        var program = Path.Combine(Path.GetDirectoryName(HostProgram.Path)!, "Nexus.Diagnostics.dll");
        if (!File.Exists(program)) throw new CliException($"nexus: the recorder is not at {program}; run ./nexus once to build it.", ExitCodes.Unreachable);
        var process = pid ?? await FindAsync(call, cancel);
        var start = new ProcessStartInfo("dotnet", [program, process.ToString(CultureInfo.InvariantCulture), "--" + what, file, argument]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var recorder = Process.Start(start)!;
        var errors = recorder.StandardError.ReadToEndAsync(CancellationToken.None);
        await WhileAsync(call, async tell =>
        {
            // Ctrl-C reaches the recorder by itself; it ends the file and stops, and this program waits for it.
            while (await recorder.StandardOutput.ReadLineAsync(CancellationToken.None) is { } line)
                tell(line);
            await recorder.WaitForExitAsync(CancellationToken.None);
        });
        if (recorder.ExitCode != 0) throw new CliException($"nexus: {(await errors).Trim()}");
        return Say(call, file);
    }

    private static async Task<int> FindAsync(ParseResult call, CancellationToken cancel)
    {
        using var host = Host.Of(call);
        if (!host.Address.IsLoopback) throw new CliException($"nexus: {host.Address.Host} is another machine; a node's memory and events are read on its own. Run this command there, or 'nexus debug counters' from here.", ExitCodes.Usage);
        return (int?)(await host.GetAsync("/api/v1/status", cancel))?["runtime"]?["processId"] ?? throw new CliException("nexus: this host does not tell its process; name it by --pid.", ExitCodes.Unreachable);
    }

    private static async Task CountAsync(Host host, string file, TimeSpan length, TimeSpan interval, Action<string> tell, CancellationToken cancel)
    {
        var asJson = file.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
        var first = await LookAsync(host, cancel);
        await using var target = new StreamWriter(new FileStream(file, FileMode.CreateNew, FileAccess.Write));
        await target.WriteAsync(asJson ? "[" : "at,metric,labels,value\n");
        var clock = Stopwatch.StartNew();
        for (var n = 0; n == 0 || (clock.Elapsed < length && !cancel.IsCancellationRequested); n++)
        {
            var samples = n == 0 ? first : await LookAsync(host, cancel);
            var at = TimeProvider.System.GetUtcNow().UtcDateTime.ToString("O", CultureInfo.InvariantCulture);
            await target.WriteAsync(asJson ? JsonOf(at, samples, n) : CsvOf(at, samples));
            tell(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:0} of {length.TotalSeconds:0} s, {samples.Count} counters"));
            // Ctrl-C ends the file in order.
            await Task.Delay(interval, cancel).ContinueWith(static _ => { }, TaskScheduler.Default);
        }

        await target.WriteAsync(asJson ? "\n]\n" : "");
    }

    private static async Task<List<(string Name, string Labels, string Value)>> LookAsync(Host host, CancellationToken cancel)
    {
        var samples = new List<(string, string, string)>();
        await foreach (var line in host.LinesAsync(HttpMethod.Get, "/metrics", "text/plain", null, cancel))
        {
            // name{label="x"} 1.5; the value has no blank, a label may.
            if (line.Length == 0 || line[0] == '#' || line.LastIndexOf(' ') is not (> 0 and var end)) continue;
            var labels = line.IndexOf('{', StringComparison.Ordinal);
            var name = labels < 0 || labels > end ? line[..end] : line[..labels];
            samples.Add((name, line[name.Length..end].Trim('{', '}'), line[(end + 1)..]));
        }

        return samples;
    }

    private static string CsvOf(string at, List<(string Name, string Labels, string Value)> samples)
    {
        var text = new StringBuilder();
        foreach (var (name, labels, value) in samples)
            text.Append(at).Append(',').Append(name).Append(',').Append(labels.Length == 0 ? "" : $"\"{labels.Replace("\"", "\"\"", StringComparison.Ordinal)}\"").Append(',').Append(value).Append('\n');
        return text.ToString();
    }

    private static string JsonOf(string at, List<(string Name, string Labels, string Value)> samples, int n)
    {
        var values = new JsonArray([.. samples.Select(s => (JsonNode)new JsonObject { ["metric"] = s.Name, ["labels"] = s.Labels, ["value"] = double.TryParse(s.Value, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null })]);
        return $"{(n == 0 ? "" : ",")}\n{new JsonObject { ["at"] = at, ["samples"] = values }.ToJsonString()}";
    }

    private static Task WhileAsync(ParseResult call, Func<Action<string>, Task> work) =>
        call.GetValue(Root.Json) || Console.IsOutputRedirected
            ? work(_ => { })
            : AnsiConsole.Status().Spinner(Spinner.Known.Dots).StartAsync("Recording …", status => work(text => status.Status(Markup.Escape("Recording: " + text))));

    private static int Say(ParseResult call, string file)
    {
        var bytes = new FileInfo(file).Length;
        return Output.Print(call, new JsonObject { ["file"] = file, ["bytes"] = bytes }, _ => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file} ({bytes:N0} bytes)")));
    }
}
