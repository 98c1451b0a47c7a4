using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus config</c>: the effective configuration, its schema, its check, its file. Works without a running host, but for <c>reload</c>.</summary>
internal static class ConfigCommand
{
    public static Command Build() => new("config", "Show, check and describe the configuration")
    {
        Tool("show", "Show each value with its source, secrets masked; --defaults what holds unconfigured, --env NAME what would hold in another environment, --env what differs in this one"),
        Tool("validate", "Check the configuration; every error with file, line and key"),
        Tool("schema", "Print the JSON Schema of the configuration"),
        Init(),
        Reload(),
    };

    /// <summary>Writes a configuration file; shared with <c>nexus init</c>.</summary>
    public static async Task<string> WriteAsync(string template, IEnumerable<string> overrides, string file, bool force, CancellationToken cancel)
    {
        if (File.Exists(file) && !force) throw new CliException($"nexus: {file} exists; --force replaces it.", ExitCodes.Usage);
        var text = await ConfigTemplate.CloneAsync(template, overrides, cancel);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        // Beside its place first: a file that does not validate never gets there.
        var trial = Directory.CreateTempSubdirectory("nexus-config-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(trial.FullName, "nexus.yaml"), text, cancel);
            await HostProgram.CaptureAsync("dotnet", [HostProgram.Path, "tool", "config-validate"], trial.FullName, cancel);
        }
        finally
        {
            trial.Delete(recursive: true);
        }

        await File.WriteAllTextAsync(file, text, cancel);
        return file;
    }

    public static Option<string> Template() => new Option<string>("--template", "-t") { Description = string.Join(", ", ConfigTemplate.Names), DefaultValueFactory = _ => "basic" }.AcceptOnlyFromAmong(ConfigTemplate.Names);

    public static Option<string[]> Overrides() => new("--set") { Description = "Override such as server.port=9000; may be given again", Arity = ArgumentArity.OneOrMore };

    private static Command Init()
    {
        var (template, overrides) = (Template(), Overrides());
        var output = new Option<string>("--output", "-o") { Description = "File to write", DefaultValueFactory = _ => "nexus.yaml" };
        var force = new Option<bool>("--force") { Description = "Replace an existing file" };
        var command = new Command("init", "Write a configuration file from a template") { template, overrides, output, force };
        command.SetAction(async (call, cancel) =>
        {
            var file = await WriteAsync(call.GetValue(template)!, call.GetValue(overrides) ?? [], Path.GetFullPath(call.GetValue(output)!), call.GetValue(force), cancel);
            return Output.Print(call, new JsonObject { ["file"] = file, ["template"] = call.GetValue(template) }, _ => Console.WriteLine($"{file} is written from the template {call.GetValue(template)}; 'nexus config show' tells what it makes of it."));
        });
        return command;
    }

    private static Command Reload()
    {
        var command = new Command("reload", "Make the running host read its configuration files again");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync("/api/v1/config/reload", null, cancel), Output.Text);
        });
        return command;
    }

    private static Command Tool(string name, string description)
    {
        var rest = new Argument<string[]>("settings") { Description = "Settings as for 'nexus run'", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command(name, description) { rest };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((call, cancel) =>
        {
            List<string> arguments = ["tool", $"config-{name}", .. call.GetValue(rest) ?? [], .. call.UnmatchedTokens];
            if (call.GetValue(Root.Json)) arguments.Add("--json");
            return HostProgram.RunAsync(arguments, cancel);
        });
        return command;
    }
}
