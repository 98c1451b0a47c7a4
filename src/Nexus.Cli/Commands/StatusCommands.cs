using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus status</c> and <c>nexus health</c>.</summary>
internal static class StatusCommands
{
    public static Command BuildStatus()
    {
        var command = new Command("status", "Show the host's components with their state");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/status", cancel), Output.Text);
        });
        return command;
    }

    public static Command BuildHealth()
    {
        var command = new Command("health", "Show health; exits 1 when it is not healthy");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = await host.GetAsync("/health", cancel);
            Output.Print(call, answer, Output.Text);
            return answer is not null && string.Equals(Output.Get(answer, "status"), "healthy", StringComparison.OrdinalIgnoreCase) ? ExitCodes.Done : ExitCodes.Refused;
        });
        return command;
    }
}
