using System.CommandLine;
using System.Globalization;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus plugin search|repositories</c>: what the host's registries offer.</summary>
internal static class PluginMarketCommands
{
    public static IEnumerable<Command> Build() => [Search(), Repositories()];

    private static Command Search()
    {
        var query = new Argument<string?>("query") { Description = "Words in id, name, description or tags", Arity = ArgumentArity.ZeroOrOne };
        var category = new Option<string?>("--category") { Description = "Only this category" };
        var author = new Option<string?>("--author") { Description = "Only this author" };
        var tags = new Option<string?>("--tags") { Description = "Only those with all of these, separated by commas" };
        var rating = new Option<double?>("--min-rating") { Description = "Only those rated at least so, 0 to 5" };
        var sort = new Option<string?>("--sort") { Description = "name, version, rating or category; a minus before it turns the order round" };
        var command = new Command("search", "Search the host's registries for plugins") { query, category, author, tags, rating, sort };
        command.SetAction(async (call, cancel) =>
        {
            (string, string?)[] parts =
            [
                ("query", call.GetValue(query)), ("category", call.GetValue(category)), ("author", call.GetValue(author)), ("tags", call.GetValue(tags)),
                ("min_rating", call.GetValue(rating)?.ToString(CultureInfo.InvariantCulture)), ("sort", call.GetValue(sort)),
            ];
            using var host = Host.Of(call);
            var answer = await host.GetAsync($"/api/v1/plugins/search?{string.Join('&', parts.Where(p => p.Item2 is not null).Select(p => $"{p.Item1}={Uri.EscapeDataString(p.Item2!)}"))}", cancel);
            return Output.Print(call, answer, found => Output.Table(found,
                Output.Column("ID", "name"), Output.Column("VERSION", "version"), Output.Column("CATEGORY", "category"), Output.Column("AUTHOR", "author"), Output.Column("RATING", "rating"), Output.Column("DESCRIPTION", "description")));
        });
        return command;
    }

    private static Command Repositories()
    {
        var command = new Command("repositories", "List the host's registries and whether they can be read");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/plugins/repositories", cancel), found => Output.Table(found, Output.Column("ADDRESS", "address"), Output.Column("PACKAGES", "packages"), Output.Column("ERROR", "error")));
        });
        return command;
    }
}
