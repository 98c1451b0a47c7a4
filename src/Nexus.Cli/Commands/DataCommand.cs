using System.CommandLine;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus data</c>: the document tree.</summary>
internal static class DataCommand
{
    public static Command Build()
    {
        var path = new Argument<string>("path") { Description = "Such as core/plugins/enabled" };
        var get = new Command("get", "Print a document") { path };
        get.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync($"/api/v1/data/{Tree(call.GetValue(path)!)}", cancel), Output.Text);
        });
        var prefix = new Argument<string>("prefix") { Description = "Part of the tree", DefaultValueFactory = _ => "" };
        var list = new Command("list", "List documents below a path") { prefix };
        list.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync($"/api/v1/data?prefix={Uri.EscapeDataString(Tree(call.GetValue(prefix)!))}", cancel), found => Output.Table(found, Output.Column("PATH", "path"), Output.Column("REVISION", "revision"), Output.Column("VALUE", "value")));
        });
        return new Command("data", "Read the document tree") { get, list };
    }

    // `a.b.c` and `a/b/c` name the same place, but ids of plugins keep their dots within a path with slashes.
    private static string Tree(string path) => (path.Contains('/', StringComparison.Ordinal) ? path : path.Replace('.', '/')).Trim('/');
}
