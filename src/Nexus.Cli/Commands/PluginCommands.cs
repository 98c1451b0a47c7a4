using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus plugin …</c>: the life of plugins on a running host; packing and validating need none.</summary>
internal static class PluginCommands
{
    private static readonly (string, Func<JsonNode, string?>)[] Columns =
    [
        Output.Column("ID", "id"), Output.Column("VERSION", "version"), Output.Column("STATE", "state"), Output.Column("ORIGIN", "origin"),
        Output.Column("ISOLATION", "isolation"), Output.Column("GEN", "generation"), Output.Column("CAUSE", "cause"),
    ];

    public static Command Build() => new("plugin", "Install, update, start, stop and look into plugins")
    {
        List(), Info(), Install("install", "Install a plugin from a folder or a .nxp file", false), Install("update", "Replace an installed plugin by a swap", true),
        One("enable", "Start a plugin and keep it enabled"), One("disable", "Stop a plugin and keep it disabled", "force"), One("reload", "Swap a plugin for a fresh generation of what is on disk"),
        One("rollback", "Swap back to the previous version"), One("remove", "Stop and forget a plugin", "force", "deleteData"), Discover(), WhyAlive(), Test(),
        Tool("pack", "Pack a plugin's folder into a .nxp file", "pack"), Tool("validate", "Check a plugin's folder or package", "validate"),
    };

    private static Command List()
    {
        var state = new Option<string?>("--state") { Description = "Only plugins in this state" };
        var category = new Option<string?>("--category") { Description = "Only plugins of this category" };
        var enabled = new Option<bool>("--enabled") { Description = "Only enabled plugins" };
        var command = new Command("list", "List the known plugins") { state, category, enabled };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = await host.GetAsync("/api/v1/plugins", cancel);
            var rows = Output.Rows(answer).Where(row =>
                (call.GetValue(state) is not { } s || string.Equals(Output.Get(row, "state"), s, StringComparison.OrdinalIgnoreCase))
                && (call.GetValue(category) is not { } c || string.Equals(Output.Get(row, "category"), c, StringComparison.OrdinalIgnoreCase))
                && (!call.GetValue(enabled) || Output.Get(row, "enabled") == "true"));
            return Output.Print(call, new JsonArray([.. rows.Select(r => r.DeepClone())]), found => Output.Table(found, Columns));
        });
        return command;
    }

    private static Command Info()
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var command = new Command("info", "Show everything that is known of a plugin") { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync($"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}", cancel), Output.Text);
        });
        return command;
    }

    private static Command Install(string name, string description, bool update)
    {
        var source = new Argument<string>("source") { Description = "Folder with manifest.json and its assembly, or a .nxp file" };
        var force = new Option<bool>("--force") { Description = "Accept a lower version" };
        var stopped = new Option<bool>("--no-start") { Description = "Do not start it" };
        var command = new Command(name, description) { source, force, stopped };
        command.SetAction(async (call, cancel) =>
        {
            var path = Path.GetFullPath(call.GetValue(source)!);
            if (!File.Exists(path) && !Directory.Exists(path)) throw new CliException($"nexus: {path} does not exist.", ExitCodes.Usage);
            using var host = Host.Of(call);
            var body = new JsonObject { ["path"] = path, ["update"] = update, ["force"] = call.GetValue(force), ["activate"] = !call.GetValue(stopped) };
            var answer = await Output.WhileAsync(call, $"{name} {path}", () => host.PostAsync("/api/v1/plugins", body, cancel));
            return Output.Print(call, answer, found => Output.Table(new JsonArray(found!.DeepClone()), Columns));
        });
        return command;
    }

    private static Command One(string name, string description, params string[] flags)
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var options = flags.Select(f => (Name: f, Option: new Option<bool>($"--{(f == "deleteData" ? "delete-data" : f)}") { Description = f == "force" ? "Also when others depend on it" : "Also delete what it stored" })).ToList();
        var command = new Command(name, description) { id };
        foreach (var (_, option) in options) command.Add(option);
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var plugin = $"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}";
            var query = string.Join('&', options.Where(o => call.GetValue(o.Option)).Select(o => $"{o.Name}=true"));
            var answer = await Output.WhileAsync(call, $"{name} {call.GetValue(id)}", () => name == "remove"
                ? host.DeleteAsync($"{plugin}?{query}", cancel)
                : host.PostAsync($"{plugin}/{name}?{query}", null, cancel));
            return Output.Print(call, answer, found => { if (found is null) Console.WriteLine($"{call.GetValue(id)}: done"); else Output.Table(new JsonArray(found.DeepClone()), Columns); });
        });
        return command;
    }

    private static Command Discover()
    {
        var command = new Command("discover", "Look into the plugin folders again");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            await host.PostAsync("/api/v1/plugins/discover", null, cancel);
            return Output.Print(call, await host.GetAsync("/api/v1/plugins", cancel), found => Output.Table(found, Columns));
        });
        return command;
    }

    private static Command WhyAlive()
    {
        var id = new Argument<string>("id") { Description = "The plugin whose old code stays in memory" };
        var command = new Command("why-alive", "Name what keeps a plugin's old code in memory") { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = await Output.WhileAsync(call, "looking at the heap", () => host.GetAsync($"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}/why-alive", cancel));
            return Output.Print(call, answer, Output.Text);
        });
        return command;
    }

    private static Command Test()
    {
        var folder = new Argument<string>("folder") { Description = "The plugin's folder", DefaultValueFactory = _ => "." };
        var command = new Command("test", "Run a plugin's tests") { folder };
        command.SetAction(async (call, cancel) =>
        {
            var printed = await HostProgram.CaptureAsync("dotnet", ["test", "--nologo"], Path.GetFullPath(call.GetValue(folder)!), cancel);
            Console.WriteLine(printed.TrimEnd());
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Tool(string name, string description, string tool)
    {
        var source = new Argument<string>("source") { Description = "The plugin's built folder, or a package", DefaultValueFactory = _ => "." };
        var output = new Option<string?>("--output", "-o") { Description = "Where to write" };
        var command = new Command(name, description) { source };
        if (name == "pack") command.Add(output);
        command.SetAction(async (call, cancel) =>
        {
            List<string> arguments = ["tool", tool, Path.GetFullPath(call.GetValue(source)!)];
            if (name == "pack" && call.GetValue(output) is { } to) arguments.Add(Path.GetFullPath(to));
            if (call.GetValue(Root.Json)) arguments.Add("--json");
            return await HostProgram.RunAsync(arguments, cancel);
        });
        return command;
    }
}
