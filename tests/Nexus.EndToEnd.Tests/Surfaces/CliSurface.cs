using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>The command line: its shell, one a caller, since a process a command would measure the machine.</summary>
internal sealed class CliSurface(RunningHost host) : RememberingSurface, IAsyncDisposable
{
    private readonly Dictionary<string, Process> shells = [];
    private int files;

    public override string Name => "CLI";

    public override async Task<string> RunAsync(Step step)
    {
        var command = new StringBuilder("record ");
        switch (step.Verb)
        {
            case "create" or "list":
                command.Append(step.Verb).Append(" shop.orders");
                break;
            case "get" or "update" or "delete":
                command.Append(step.Verb).Append(" shop.orders ").Append(Quoted(IdOf(step)));
                break;
            default:
                command.Append("act shop.orders ").Append(Quoted(IdOf(step))).Append(' ').Append(step.Verb);
                break;
        }

        await AddFileAsync(command, "--body", step.Body);
        await AddFileAsync(command, "--filter", step.Filter);
        Add(command, "--sort", step.Sort);
        Add(command, "--search", step.Words);
        Add(command, "--limit", step.Limit?.ToString(CultureInfo.InvariantCulture));
        Add(command, "--cursor", CursorOf(step));
        Add(command, "--if-revision", step.IfRevision?.ToString(CultureInfo.InvariantCulture));
        if (step.Count)
            command.Append(" --count");
        var text = await TypeAsync(KeyOf(step), command.Append(" --json").ToString());
        // A refusal is lines for people: CODE: what happened, then "  /field  what is wrong with it".
        if (text.Split('\n') is [var first, .. var others] && first.Split(": ") is [{ Length: > 3 } code, _, ..] && code.All(c => char.IsUpper(c) || c == '_'))
            return Outcome.Refused(code, others.Where(l => l.StartsWith("  /", StringComparison.Ordinal)).Select(l => l.Trim().Split(' ')[0]));
        JsonNode? answer;
        try
        {
            answer = JsonNode.Parse(text);
        }
        catch (System.Text.Json.JsonException)
        {
            throw new InvalidOperationException($"{command}\n{text}");
        }

        return step.Verb switch
        {
            "delete" => Outcome.Deleted,
            "list" => Listed(answer!["items"]!.AsArray(), (string?)answer["nextCursor"], (long?)answer["total"]),
            _ => Made(step, answer),
        };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var shell in shells.Values)
        {
            shell.StandardInput.Close();
            await shell.WaitForExitAsync();
            shell.Dispose();
        }
    }

    private static void Add(StringBuilder command, string option, string? value)
    {
        if (value is not null)
            command.Append(' ').Append(option).Append('=').Append(Quoted(value));
    }

    private async Task AddFileAsync(StringBuilder command, string option, string? json)
    {
        if (json is null)
            return;
        var file = Path.Combine(host.Folder, $"step-{files++}.json");
        await File.WriteAllTextAsync(file, json);
        Add(command, option, "@" + file);
    }

    private static string Quoted(string value) => $"\"{value}\"";

    // The answer of a command ends where that of the next begins; both streams are one, in order.
    private async Task<string> TypeAsync(string caller, string command)
    {
        if (!shells.TryGetValue(caller, out var shell))
        {
            var start = new ProcessStartInfo("sh", ["-c", "exec dotnet \"$0\" dev-tools shell 2>&1", Programs.Cli]) { RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = host.Folder };
            (start.Environment["NEXUS_URL"], start.Environment["NEXUS_TOKEN"]) = (host.Address.ToString(), caller);
            shells[caller] = shell = Process.Start(start)!;
        }

        await shell.StandardInput.WriteLineAsync(command);
        await shell.StandardInput.WriteLineAsync("explain END_OF_STEP");
        await shell.StandardInput.FlushAsync();
        var lines = new List<string>();
        while (await shell.StandardOutput.ReadLineAsync() is { } line && !line.Contains("END_OF_STEP", StringComparison.Ordinal))
            lines.Add(line);
        return string.Join('\n', lines);
    }
}
