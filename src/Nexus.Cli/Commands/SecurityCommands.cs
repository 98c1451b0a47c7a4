using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus security</c>: controls, scan, alerts and addresses of a running host.</summary>
internal static class SecurityCommands
{
    public static Command Build() => new("security", "Show and check the security of the host")
    {
        Status(),
        Audit(),
        Alerts(),
        Block(),
        Unblock(),
        Keys(),
        RotateKeys(),
    };

    private static Command Keys()
    {
        var command = new Command("keys", "List the keys of field protection, and how far older values have come to their tenant's present key");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = new JsonObject { ["keys"] = await host.GetAsync("/api/v1/security/keys", cancel), ["reencryption"] = await host.GetAsync("/api/v1/security/keys/reencryption", cancel) };
            return Output.Print(call, answer, _ =>
            {
                Output.Table(answer["keys"], Output.Column("TENANT", "tenant"), Output.Column("PURPOSE", "purpose"), Output.Column("NUMBER", "number"), Output.Column("MASTER", "master"), Output.Column("CREATED", "createdAt"));
                foreach (var run in (answer["reencryption"] as JsonArray ?? []).OfType<JsonObject>())
                    Console.WriteLine($"{run["tenant"]}: {run["encrypted"]} values in {run["records"]} records are under key {run["key"]} now; {(run["finishedAt"] is { } at ? $"finished {at}" : $"at {run["table"]}")}{((long?)run["unreadable"] > 0 ? $"; {run["unreadable"]} could not be read" : "")}");
            });
        });
        return command;
    }

    private static Command RotateKeys()
    {
        var tenant = new Option<string>("--tenant") { Description = "Whose data key (default: the caller's tenant)" };
        var master = new Option<bool>("--master") { Description = "A new master key in the node's file or token, and all keys wrapped by it" };
        var rewrap = new Option<bool>("--rewrap") { Description = "Wrap all keys by the master key that is configured now" };
        var command = new Command("rotate-keys", "Make new keys of field protection while serving; older values stay readable") { tenant, master, rewrap };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var body = new JsonObject { ["tenant"] = call.GetValue(tenant), ["master"] = call.GetValue(master), ["rewrap"] = call.GetValue(rewrap) };
            return Output.Print(call, await host.PostAsync("/api/v1/security/keys/rotate", body, cancel), answer => Console.WriteLine(answer?["key"] is { } key ? $"tenant {answer["tenant"]} encrypts with key {key}" : $"{answer?["rewrapped"]} keys wrapped anew"));
        });
        return command;
    }

    private static Command Status()
    {
        var command = new Command("status", "Show every control of the six layers and whether it is on");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/security/status", cancel), answer => Output.Table(Controls(answer),
                Output.Column("LAYER", "layer"), Output.Column("CONTROL", "name"), Output.Column("STATE", "state"), Output.Column("DETAIL", "detail")));
        });
        return command;
    }

    private static Command Audit()
    {
        var command = new Command("audit", "Check configuration, permissions, dependencies and files for weaknesses and write a dated report; exits 1 when one of them is high, so that a scheduler notices");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = await host.PostAsync("/api/v1/security/scan", null, cancel);
            var findings = answer?["findings"] as JsonArray ?? [];
            Output.Print(call, answer, _ =>
            {
                if (findings.Count > 0)
                    Output.Table(findings, Output.Column("SEVERITY", "severity"), Output.Column("FINDING", "id"), Output.Column("WHERE", "subject"), Output.Column("WHAT", "detail"), Output.Column("REMEDY", "remedy"));
                Console.WriteLine($"{findings.Count.ToString(CultureInfo.InvariantCulture)} findings; the report is {answer?["file"]} on the host");
            });
            return findings.Any(f => string.Equals((string?)f?["severity"], "high", StringComparison.OrdinalIgnoreCase)) ? ExitCodes.Refused : ExitCodes.Done;
        });
        return command;
    }

    private static Command Alerts()
    {
        var command = new Command("alerts", "Show the latest security alerts, newest first");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync("/api/v1/security/alerts", cancel), answer => Output.Table(answer,
                Output.Column("AT", "at"), Output.Column("KIND", "kind"), Output.Column("ADDRESS", "address"), Output.Column("ACTOR", "actor"), Output.Column("DETAIL", "detail")));
        });
        return command;
    }

    private static Command Block()
    {
        var address = new Argument<string>("address") { Description = "IP address, such as 192.0.2.7" };
        var minutes = new Option<double>("--minutes") { Description = "How long", DefaultValueFactory = _ => 60 };
        var reason = new Option<string>("--reason") { Description = "Why, for other operators", DefaultValueFactory = _ => "blocked by an operator" };
        var command = new Command("block", "Refuse an address for a time") { address, minutes, reason };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var body = new JsonObject { ["address"] = call.GetValue(address), ["minutes"] = call.GetValue(minutes), ["reason"] = call.GetValue(reason) };
            return Output.Print(call, await host.PostAsync("/api/v1/security/block-ip", body, cancel), answer => Console.WriteLine($"{answer?["address"]} is refused until {answer?["until"]}"));
        });
        return command;
    }

    private static Command Unblock()
    {
        var address = new Argument<string>("address") { Description = "IP address, such as 192.0.2.7" };
        var command = new Command("unblock", "Serve a blocked address again") { address };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.DeleteAsync($"/api/v1/security/block-ip/{Uri.EscapeDataString(call.GetValue(address)!)}", cancel), _ => Console.WriteLine($"{call.GetValue(address)} is served again"));
        });
        return command;
    }

    /// <summary>The controls of all layers as one table.</summary>
    private static JsonArray Controls(JsonNode? answer) => [.. (answer?["layers"] as JsonArray ?? []).OfType<JsonObject>().SelectMany(layer => (layer["controls"] as JsonArray ?? []).OfType<JsonObject>().Select(control => (JsonNode)new JsonObject
    {
        ["layer"] = layer["name"]?.DeepClone(),
        ["name"] = control["name"]?.DeepClone(),
        ["state"] = (bool?)control["on"] == true ? "on" : "off",
        ["detail"] = control["detail"]?.DeepClone(),
    }))];
}
