using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus run</c>: starts a host in the foreground.</summary>
internal static class RunCommand
{
    public static Command Build()
    {
        var rest = new Argument<string[]>("settings") { Description = "Settings such as --server:port=9000; see 'nexus config schema'", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("run", "Start a host in the foreground") { rest };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((call, cancel) => HostProgram.RunAsync([.. call.GetValue(rest) ?? [], .. call.UnmatchedTokens], cancel));
        return command;
    }
}
