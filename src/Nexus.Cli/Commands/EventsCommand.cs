using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus events</c>: follow, publish, read, replay.</summary>
internal static class EventsCommand
{
    private static readonly (string, Func<JsonNode, string?>)[] Columns =
        [Output.Column("SEQUENCE", "sequence"), Output.Column("NAME", "name"), Output.Column("SOURCE", "source"), Output.Column("OCCURRED", "occurredAt"), Output.Column("ID", "id")];

    public static Command Build() => new("events", "Follow, publish, read and replay events") { Tail(), Publish(), List(), DeadLetters(), Replay(), Purge(), Stream(), WebhooksCommand.Build() };

    private static Command Tail()
    {
        var pattern = new Argument<string>("pattern") { Description = "Such as orders.*", DefaultValueFactory = _ => "*" };
        var command = new Command("tail", "Print events as they happen, until Ctrl-C") { pattern };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            await foreach (var line in host.LinesAsync($"/api/v1/events/stream?pattern={Uri.EscapeDataString(call.GetValue(pattern)!)}", cancel))
                if (line.StartsWith("data:", StringComparison.Ordinal)) Console.WriteLine(line[5..].Trim());
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Publish()
    {
        var name = new Argument<string>("name") { Description = "Such as orders.created" };
        var data = new Argument<string>("data") { Description = "JSON", DefaultValueFactory = _ => "{}" };
        var command = new Command("publish", "Publish a durable event") { name, data };
        command.SetAction(async (call, cancel) =>
        {
            JsonNode? json;
            try
            {
                json = JsonNode.Parse(call.GetValue(data)!);
            }
            catch (JsonException error)
            {
                throw new CliException($"nexus: the data is not JSON: {error.Message}", ExitCodes.Usage);
            }

            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync("/api/v1/events", new JsonObject { ["name"] = call.GetValue(name), ["data"] = json }, cancel), Output.Text);
        });
        return command;
    }

    private static Command List()
    {
        var pattern = new Argument<string>("pattern") { Description = "Such as orders.*", DefaultValueFactory = _ => "*" };
        var limit = new Option<int>("--limit") { Description = "How many", DefaultValueFactory = _ => 50 };
        var command = new Command("list", "List stored events, newest first") { pattern, limit };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync($"/api/v1/events?pattern={Uri.EscapeDataString(call.GetValue(pattern)!)}&limit={call.GetValue(limit)}&newest=true", cancel), found => Output.Table(found, Columns));
        });
        return command;
    }

    private static Command DeadLetters()
    {
        var command = new Command("dead-letters", "List deliveries that failed for good");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/events/dead-letters", cancel), Output.Text);
        });
        return command;
    }

    private static Command Replay()
    {
        var id = new Argument<string>("id") { Description = "The event" };
        var command = new Command("replay", "Deliver a dead letter again") { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync($"/api/v1/events/dead-letters/replay?event={Uri.EscapeDataString(call.GetValue(id)!)}", null, cancel), Output.Text);
        });
        return command;
    }

    private static Command Purge()
    {
        var before = new Argument<DateTimeOffset>("before") { Description = "Events that happened before this go, such as 2030-01-31" };
        var pattern = new Option<string>("--pattern") { Description = "Only names such as orders.*", DefaultValueFactory = _ => "*" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Count only" };
        var command = new Command("purge", "Remove stored events that no group waits for") { before, pattern, dryRun };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.PostAsync("/api/v1/events/purge", new JsonObject { ["before"] = call.GetValue(before), ["pattern"] = call.GetValue(pattern), ["dryRun"] = call.GetValue(dryRun) }, cancel), Output.Text);
        });
        return command;
    }

    private static Command Stream()
    {
        var stream = new Argument<string>("stream") { Description = "Such as orders/order-42; without a plugin, a stream of the platform" };
        var limit = new Option<int>("--limit") { Description = "How many", DefaultValueFactory = _ => 50 };
        var command = new Command("stream", "The last events of an event stream, newest first") { stream, limit };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var path = string.Join('/', call.GetValue(stream)!.Split('/').Select(Uri.EscapeDataString));
            return Output.Print(call, await host.GetAsync($"/api/v1/events/streams/{path}?backward=true&limit={call.GetValue(limit)}", cancel), Output.Text);
        });
        return command;
    }
}
