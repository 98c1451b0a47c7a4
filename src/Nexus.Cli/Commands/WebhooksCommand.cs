using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus events webhooks</c>: make, look at, switch, rotate, remove.</summary>
internal static class WebhooksCommand
{
    private const string Root = "/api/v1/events/webhooks";

    private static readonly (string, Func<JsonNode, string?>)[] Columns =
        [Output.Column("ID", "id"), Output.Column("URL", "url"), Output.Column("ENABLED", "enabled"), Output.Column("FAILURES", "failuresInARow"), Output.Column("REASON", "disabledReason")];

    public static Command Build() => new("webhooks", "Send events to programs outside, signed")
    {
        List(), Add(), Switch("enable", "Send events to a webhook again", true), Switch("disable", "Send a webhook no events", false),
        One("rotate", "Give a webhook another secret and print it", (host, path, cancel) => host.PostAsync(path + "/rotate", null, cancel)),
        One("deliveries", "What became of the events for a webhook", (host, path, cancel) => host.GetAsync(path + "/deliveries", cancel)),
        One("remove", "Remove a webhook with what waits for it", (host, path, cancel) => host.DeleteAsync(path, cancel)),
    };

    private static Command List()
    {
        var command = new Command("list", "List webhooks");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync(Root, cancel), found => Output.Table(found, Columns));
        });
        return command;
    }

    private static Command Add()
    {
        var url = new Argument<string>("url") { Description = "Address that events are posted to" };
        var patterns = new Argument<string[]>("patterns") { Description = "Such as orders.*", Arity = ArgumentArity.OneOrMore };
        var command = new Command("add", "Make a webhook and print its secret") { url, patterns };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var body = new JsonObject { ["url"] = call.GetValue(url), ["patterns"] = new JsonArray([.. call.GetValue(patterns)!.Select(p => (JsonNode)p)]) };
            return Output.Print(call, await host.PostAsync(Root, body, cancel), Output.Text);
        });
        return command;
    }

    private static Command Switch(string name, string description, bool enabled) => One(name, description, (host, path, cancel) =>
    {
        var body = new StringContent(new JsonObject { ["enabled"] = enabled }.ToJsonString(), Encoding.UTF8);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/merge-patch+json");
        return host.SendAsync(HttpMethod.Patch, path, body, cancel);
    });

    private static Command One(string name, string description, Func<Host, string, CancellationToken, Task<JsonNode?>> ask)
    {
        var id = new Argument<string>("id") { Description = "The webhook" };
        var command = new Command(name, description) { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await ask(host, $"{Root}/{Uri.EscapeDataString(call.GetValue(id)!)}", cancel), Output.Text);
        });
        return command;
    }
}
