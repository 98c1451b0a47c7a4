using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus config</c>: the effective configuration, its schema, its check. Works without a running host.</summary>
internal static class ConfigCommand
{
    public static Command Build() => new("config", "Show, check and describe the configuration")
    {
        Tool("show", "Show each value with its source, secrets masked"),
        Tool("validate", "Check the configuration; every error with file, line and key"),
        Tool("schema", "Print the JSON Schema of the configuration"),
    };

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
