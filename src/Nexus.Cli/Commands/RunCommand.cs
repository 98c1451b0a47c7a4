using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus run</c>: starts a host in the foreground.</summary>
internal static class RunCommand
{
    public static Command Build()
    {
        var rest = new Argument<string[]>("settings") { Description = "Settings such as --server:port=9000; see 'nexus config schema'", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("run", "Start a host in the foreground; --plugins a,b runs only these, --no-worker runs no background tasks") { rest };
        command.TreatUnmatchedTokensAsErrors = false;
        // As they were written: a setting's name and its value may be two words, whose order counts.
        command.SetAction((call, cancel) => HostProgram.RunAsync([.. call.Tokens.Select(t => t.Value).SkipWhile(t => t != "run").Skip(1)], cancel));
        return command;
    }

    /// <summary><c>nexus worker</c>: a host that runs background tasks and serves no routes of plugins.</summary>
    public static Command BuildWorker()
    {
        var rest = new Argument<string[]>("settings") { Description = "Settings such as --tasks:concurrency=32; see 'nexus config schema'", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("worker", "Start a host that runs background tasks and serves only health and platform routes") { rest };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((call, cancel) => HostProgram.RunAsync(["--node:roles:0=worker", .. call.Tokens.Select(t => t.Value).SkipWhile(t => t != "worker").Skip(1)], cancel));
        return command;
    }
}
