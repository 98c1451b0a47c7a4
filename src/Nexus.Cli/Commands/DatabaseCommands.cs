using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus db</c>: the database of the configuration in this folder, while no host runs on it.</summary>
internal static class DatabaseCommands
{
    public static Command Build() => new("db", "Look at and care for the database of a host; make, migrate and empty that of this folder while no host runs on it")
    {
        Status(),
        Optimize(),
        Tool("init", "Make the database, or check that it opens"),
        Tool("migrate", "Run the migrations of all plugins forward"),
        Reset(),
    };

    private static Command Status()
    {
        var command = new Command("status", "Show the primary database, its version, standbys, connections and indexes");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/database", cancel), Output.Text);
        });
        return command;
    }

    private static Command Optimize()
    {
        var command = new Command("optimize", "Make declared indexes again that are missing, and bring the planner's figures up to date");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync("/api/v1/database/optimize", null, cancel), Output.Text);
        });
        return command;
    }

    private static Command Tool(string name, string description)
    {
        var rest = new Argument<string[]>("settings") { Description = "Settings as for 'nexus run'", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command(name, description) { rest };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((call, cancel) => RunAsync(call, name, [.. call.GetValue(rest) ?? [], .. call.UnmatchedTokens], cancel));
        return command;
    }

    private static Command Reset()
    {
        var yes = new Option<bool>("--yes") { Description = "Do it: everything stored is deleted" };
        var rest = new Argument<string[]>("settings") { Description = "Settings as for 'nexus run'", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("reset", "Delete everything stored and make an empty database") { yes, rest };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((call, cancel) => call.GetValue(yes)
            ? RunAsync(call, "reset", [.. call.GetValue(rest) ?? [], .. call.UnmatchedTokens], cancel)
            : throw new CliException("nexus: this deletes everything stored; say --yes.\nusage: nexus db reset --yes [settings]", ExitCodes.Usage));
        return command;
    }

    private static Task<int> RunAsync(ParseResult call, string name, IEnumerable<string> settings, CancellationToken cancel)
    {
        List<string> arguments = ["tool", $"db-{name}", .. settings];
        if (call.GetValue(Root.Json)) arguments.Add("--json");
        return HostProgram.RunAsync(arguments, cancel);
    }
}
