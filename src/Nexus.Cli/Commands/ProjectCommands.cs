using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus project</c>: the folder in which a node runs; <c>nexus init</c> and <c>nexus validate</c> are its short forms.</summary>
internal static class ProjectCommands
{
    public static Command Build() => new("project", "Make, describe and check the folder in which a node runs") { BuildInit(), Info(), BuildValidate() };

    public static Command BuildInit()
    {
        var folder = new Argument<string>("folder") { Description = "The folder", DefaultValueFactory = _ => "." };
        var (template, overrides) = (ConfigCommand.Template(), ConfigCommand.Overrides());
        var force = new Option<bool>("--force") { Description = "Replace an existing nexus.yaml" };
        var command = new Command("init", "Make a folder a node's: nexus.yaml, plugins/, .gitignore") { folder, template, overrides, force };
        command.SetAction(async (call, cancel) =>
        {
            var root = Path.GetFullPath(call.GetValue(folder)!);
            await ConfigCommand.WriteAsync(call.GetValue(template)!, call.GetValue(overrides) ?? [], Path.Combine(root, "nexus.yaml"), call.GetValue(force), cancel);
            Directory.CreateDirectory(Path.Combine(root, "plugins"));
            if (!File.Exists(Path.Combine(root, ".gitignore"))) await File.WriteAllTextAsync(Path.Combine(root, ".gitignore"), "data/\n.env\n", cancel);
            return Output.Print(call, new JsonObject { ["folder"] = root, ["template"] = call.GetValue(template) }, _ => Console.WriteLine($"{root} is a node's folder now:\n  nexus validate    check it\n  nexus run         serve it\n  plugins/          put plugin folders or .nxp files here"));
        });
        return command;
    }

    public static Command BuildValidate()
    {
        var command = new Command("validate", "Check the configuration of this folder and every plugin in its plugin folders");
        command.SetAction(async (call, cancel) =>
        {
            List<(string What, string? Problem)> checks = [("configuration", await ProblemAsync(["tool", "config-validate"], cancel))];
            if (checks[0].Problem is null)
                foreach (var plugin in Plugins(await SettingsAsync(cancel))) checks.Add((Path.GetRelativePath(Environment.CurrentDirectory, plugin), await ProblemAsync(["tool", "validate", plugin], cancel)));
            var answer = new JsonArray([.. checks.Select(c => (JsonNode)new JsonObject { ["what"] = c.What, ["valid"] = c.Problem is null, ["problem"] = c.Problem })]);
            Output.Print(call, answer, _ =>
            {
                foreach (var (what, problem) in checks) Console.WriteLine(problem is null ? $"ok  {what}" : $"!!  {what}: {problem}");
            });
            return checks.All(c => c.Problem is null) ? ExitCodes.Done : ExitCodes.Invalid;
        });
        return command;
    }

    private static Command Info()
    {
        var command = new Command("info", "Show what a node in this folder would run with");
        command.SetAction(async (call, cancel) =>
        {
            var settings = await SettingsAsync(cancel);
            string? Value(string key) => settings.FirstOrDefault(s => (string?)s!["key"] == key)?["value"]?.ToString();
            var files = settings.Select(s => ((string)s!["source"]!).Split(':')[0]).Where(s => Path.IsPathFullyQualified(s)).Distinct().Order(StringComparer.Ordinal);
            var answer = new JsonObject
            {
                ["folder"] = Environment.CurrentDirectory,
                ["environment"] = Value("environment"),
                ["address"] = $"http://{Value("server:host")}:{Value("server:port")}",
                ["database"] = $"{Value("database:type")} in {Path.GetFullPath(Value("database:directory") ?? "data")}",
                ["configuration"] = new JsonArray([.. files.Select(f => (JsonNode)f)]),
                ["plugins"] = new JsonArray([.. Plugins(settings).Select(Describe)]),
            };
            return Output.Print(call, answer, _ =>
            {
                foreach (var (name, value) in answer.Where(p => p.Value is JsonValue)) Console.WriteLine($"{name,-14} {value}");
                Console.WriteLine($"{"configuration",-14} {(answer["configuration"]!.AsArray() is { Count: > 0 } found ? string.Join(", ", found) : "no file; defaults")}");
                foreach (var plugin in answer["plugins"]!.AsArray()) Console.WriteLine($"{"plugin",-14} {plugin!["id"]} {plugin["version"]} ({plugin["path"]})");
            });
        });
        return command;
    }

    private static async Task<JsonArray> SettingsAsync(CancellationToken cancel) =>
        JsonNode.Parse(await HostProgram.CaptureAsync("dotnet", [HostProgram.Path, "tool", "config-show", "--json"], Environment.CurrentDirectory, cancel))!.AsArray();

    private static IEnumerable<string> Plugins(JsonArray settings) => settings
        .Where(s => ((string)s!["key"]!).StartsWith("plugins:directories:", StringComparison.Ordinal))
        .Select(s => Path.GetFullPath((string)s!["value"]!))
        .Where(Directory.Exists)
        .SelectMany(d => Directory.EnumerateFileSystemEntries(d).Where(e => e.EndsWith(".nxp", StringComparison.Ordinal) || File.Exists(Path.Combine(e, "manifest.json"))))
        .Order(StringComparer.Ordinal);

    private static JsonObject Describe(string path)
    {
        var plugin = new JsonObject { ["id"] = Path.GetFileNameWithoutExtension(path), ["version"] = "", ["path"] = Path.GetRelativePath(Environment.CurrentDirectory, path) };
        try
        {
            if (File.Exists(Path.Combine(path, "manifest.json")) && JsonNode.Parse(File.ReadAllText(Path.Combine(path, "manifest.json"))) is JsonObject manifest)
                (plugin["id"], plugin["version"]) = (manifest["name"]?.ToString(), manifest["version"]?.ToString());
        }
        catch (JsonException)
        {
            plugin["version"] = "manifest.json is not JSON";
        }

        return plugin;
    }

    private static async Task<string?> ProblemAsync(string[] tool, CancellationToken cancel)
    {
        try
        {
            await HostProgram.CaptureAsync("dotnet", [HostProgram.Path, .. tool], Environment.CurrentDirectory, cancel);
            return null;
        }
        catch (CliException error)
        {
            return string.Join("; ", error.Message.Split('\n').Skip(1).Select(l => l.Trim()).Where(l => l.Length > 0));
        }
    }
}
