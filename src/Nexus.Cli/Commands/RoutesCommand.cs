using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus routes</c>: URL → plugin → handler, or the stages of the pipeline.</summary>
internal static class RoutesCommand
{
    public static Command Build()
    {
        var pipeline = new Option<bool>("--pipeline") { Description = "Show the stages that every request passes, in order" };
        var command = new Command("routes", "Show what is served") { pipeline };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            if (call.GetValue(pipeline))
                return Output.Print(call, await host.GetAsync("/api/v1/routes?pipeline=true", cancel), found => Output.Table(found, Output.Column("STAGE", "stage"), Output.Column("WHAT IT DOES", "does")));
            return Output.Print(call, await host.GetAsync("/api/v1/routes", cancel), found => Output.Table(found,
                Output.Column("METHODS", "methods"), Output.Column("URL", "url"), Output.Column("PLUGIN", "plugin"), Output.Column("HANDLER", "handler"), Output.Column("PERMISSION", "permission")));
        });
        return command;
    }
}
