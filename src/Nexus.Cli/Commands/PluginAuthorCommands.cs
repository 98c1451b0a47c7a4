using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus plugin create|init|build|test|pack|validate|publish</c>: an author's way from a template to a registry; none needs a running host.</summary>
internal static class PluginAuthorCommands
{
    private static readonly string[] Templates = ["basic", "business", "integration", "analytics", "security", "ui", "custom"];

    public static IEnumerable<Command> Build() =>
    [
        Create("create", "Write a plugin from a template into a folder of its own", here: false), Create("init", "Write a plugin from a template into this folder", here: true),
        BuildOne(), Test(), Pack(), Validate(), Publish(),
    ];

    private static Command Create(string verb, string description, bool here)
    {
        var name = new Argument<string>("name") { Description = "Id such as shop.orders" };
        var template = new Option<string>("--template", "-t") { Description = $"One of {string.Join(", ", Templates)}: all have a resource, a route and tests; it decides on the category", DefaultValueFactory = _ => "basic" };
        template.AcceptOnlyFromAmong(Templates);
        var output = new Option<string?>("--output", "-o") { Description = here ? "Folder (default: this one)" : "Folder (default: the id)" };
        var command = new Command(verb, description) { name, template, output };
        command.SetAction((call, cancel) => NewCommand.WritePluginAsync(call, call.GetValue(name)!, call.GetValue(output) ?? (here ? "." : call.GetValue(name)!), call.GetValue(template) is "basic" or null ? "custom" : call.GetValue(template)!, cancel));
        return command;
    }

    private static Command BuildOne()
    {
        var folder = Folder();
        var command = new Command("build", "Build a plugin for release") { folder };
        command.SetAction(async (call, cancel) =>
        {
            var project = PluginProject.Find(Path.GetFullPath(call.GetValue(folder)!));
            await Output.WhileAsync(call, "building", async () => { await project.BuildReleaseAsync(cancel); return true; });
            return Output.Print(call, new JsonObject { ["folder"] = project.Output }, _ => Console.WriteLine(project.Output));
        });
        return command;
    }

    private static Command Test()
    {
        var folder = Folder();
        var command = new Command("test", "Run a plugin's tests") { folder };
        command.SetAction(async (call, cancel) =>
        {
            var root = Path.GetFullPath(call.GetValue(folder)!);
            if (!Directory.Exists(root)) throw new CliException($"nexus: {root} does not exist.", ExitCodes.Usage);
            var tests = Path.Combine(root, "tests");
            var printed = await HostProgram.CaptureAsync("dotnet", ["test", "--nologo"], Directory.Exists(tests) ? tests : root, cancel);
            Console.WriteLine(printed.TrimEnd());
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Pack()
    {
        var source = new Argument<string>("source") { Description = "A plugin's project, which is built first, or its built folder", DefaultValueFactory = _ => "." };
        var output = new Option<string?>("--output", "-o") { Description = "Where to write" };
        var command = new Command("pack", "Pack a plugin into a .nxp file") { source, output };
        command.Aliases.Add("package");
        command.SetAction(async (call, cancel) =>
        {
            var folder = Path.GetFullPath(call.GetValue(source)!);
            if (PluginProject.TryFind(folder) is { } project)
            {
                await project.BuildReleaseAsync(cancel);
                folder = project.Output;
            }

            return await ToolAsync(call, ["pack", folder, .. call.GetValue(output) is { } to ? [Path.GetFullPath(to)] : Array.Empty<string>()], cancel);
        });
        return command;
    }

    private static Command Validate()
    {
        var source = new Argument<string>("source") { Description = "The plugin's built folder, or a package", DefaultValueFactory = _ => "." };
        var command = new Command("validate", "Check a plugin's folder or package") { source };
        command.SetAction((call, cancel) => ToolAsync(call, ["validate", Path.GetFullPath(call.GetValue(source)!)], cancel));
        return command;
    }

    private static Command Publish()
    {
        var package = new Argument<string>("package") { Description = "A .nxp file" };
        var registry = new Option<string>("--registry", "-r") { Description = "The registry's folder, which a web server serves", Required = true };
        var command = new Command("publish", "Add a package to a registry") { package, registry };
        command.SetAction((call, cancel) => call.GetValue(registry)!.Contains("://", StringComparison.Ordinal)
            ? throw new CliException("nexus: a registry is a folder that a web server serves as it is; publish to the folder.", ExitCodes.Usage)
            : ToolAsync(call, ["publish", Path.GetFullPath(call.GetValue(package)!), Path.GetFullPath(call.GetValue(registry)!)], cancel));
        return command;
    }

    private static Argument<string> Folder() => new("folder") { Description = "The plugin's folder", DefaultValueFactory = _ => "." };

    private static Task<int> ToolAsync(ParseResult call, List<string> arguments, CancellationToken cancel)
    {
        if (call.GetValue(Root.Json)) arguments.Add("--json");
        return HostProgram.RunAsync(["tool", .. arguments], cancel);
    }
}
