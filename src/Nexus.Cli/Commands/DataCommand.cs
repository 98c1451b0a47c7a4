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
        var plugin = new Argument<string>("plugin") { Description = "Id of the plugin" };
        var schema = new Command("schema", "Print the collections, indexes and SQL tables of a plugin") { plugin };
        schema.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync($"/api/v1/data/schema?plugin={Uri.EscapeDataString(call.GetValue(plugin)!)}", cancel), Output.Text);
        });
        return new Command("data", "Read, export and delete what is stored") { get, list, schema, Export(), Delete() };
    }

    private static Command Export()
    {
        var tenant = new Option<string>("--tenant") { Description = "The tenant; your own when absent" };
        var output = new Option<string>("--output", "-o") { Description = "The ZIP file to write; {tenant}.zip when absent" };
        var export = new Command("export", "Write everything of a tenant to a ZIP file") { tenant, output };
        export.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var name = call.GetValue(tenant) is { Length: > 0 } named ? named : null;
            var file = Path.GetFullPath(call.GetValue(output) ?? $"{name ?? "tenant"}.zip");
            if (File.Exists(file))
                throw new CliException($"nexus: {file} exists; name another file with --output.", ExitCodes.Usage);
            var bytes = await host.SaveAsync($"/api/v1/data/export{(name is null ? "" : $"?tenant={Uri.EscapeDataString(name)}")}", file, cancel);
            return Output.Print(call, new System.Text.Json.Nodes.JsonObject { ["file"] = file, ["bytes"] = bytes }, Output.Text);
        });
        return export;
    }

    private static Command Delete()
    {
        var tenant = new Option<string>("--tenant") { Description = "The tenant", Required = true };
        var confirm = new Option<string>("--confirm") { Description = "Its name once more: what is deleted does not come back", Required = true };
        var delete = new Command("delete", "Delete everything of a tenant") { tenant, confirm };
        delete.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.DeleteAsync($"/api/v1/data?tenant={Uri.EscapeDataString(call.GetValue(tenant)!)}&confirm={Uri.EscapeDataString(call.GetValue(confirm)!)}", cancel), Output.Text);
        });
        return delete;
    }

    // `a.b.c` and `a/b/c` name the same place, but ids of plugins keep their dots within a path with slashes.
    private static string Tree(string path) => (path.Contains('/', StringComparison.Ordinal) ? path : path.Replace('.', '/')).Trim('/');
}
