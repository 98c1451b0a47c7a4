using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus services</c>: contracts, their providers, and who uses whom.</summary>
internal static class ServicesCommand
{
    public static Command Build()
    {
        var list = new Command("list", "List contracts and their providers");
        list.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/services", cancel), found => Output.Table(found,
                Output.Column("CONTRACT", "contract"), Output.Column("NAME", "name"), Output.Column("PLUGIN", "plugin"), Output.Column("BOUND", "bound")));
        });
        var graph = new Command("graph", "Show who uses whom");
        graph.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/services/graph", cancel), Output.Text);
        });
        return new Command("services", "Look at services between plugins") { list, graph };
    }
}
