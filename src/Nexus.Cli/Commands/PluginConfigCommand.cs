using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus plugin config</c>: the settings of one plugin with what its schema says of them, and changes that act without a restart.</summary>
internal static class PluginConfigCommand
{
    public static Command Build() => new("config", "Show and change the settings of a plugin") { Show(), Set() };

    private static Command Show()
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var command = new Command("show", "Show its settings, secrets hidden") { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync(Address(call.GetValue(id)!), cancel), Table);
        });
        return command;
    }

    private static Command Set()
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var settings = new Argument<string[]>("settings") { Description = "Such as limit=20 or mail.port=25; nothing behind the = takes a stored setting back", Arity = ArgumentArity.OneOrMore };
        var command = new Command("set", "Store settings and apply them without a restart; all are refused when one does not fit") { id, settings };
        command.SetAction(async (call, cancel) =>
        {
            var body = new JsonObject();
            foreach (var setting in call.GetValue(settings)!) Put(body, setting);
            using var host = Host.Of(call);
            using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
            return Output.Print(call, await host.SendAsync(HttpMethod.Put, Address(call.GetValue(id)!), content, cancel), Output.Text);
        });
        return command;
    }

    private static string Address(string id) => $"/api/v1/plugins/{Uri.EscapeDataString(id)}/config";

    private static void Table(JsonNode? answer)
    {
        var values = (answer?["values"] as JsonObject ?? []).Select(v => (JsonNode)new JsonObject { ["key"] = v.Key, ["value"] = v.Value?.DeepClone(), ["help"] = Help(answer?["schema"], v.Key) });
        Output.Table(new JsonArray([.. values]), Output.Column("SETTING", "key"), Output.Column("VALUE", "value"), Output.Column("WHAT", "help"));
    }

    private static string? Help(JsonNode? schema, string key)
    {
        foreach (var name in key.Split('.')) schema = (schema?["properties"] as JsonObject)?.FirstOrDefault(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
        return (string?)schema?["description"];
    }

    private static void Put(JsonObject body, string setting)
    {
        var equals = setting.IndexOf('=', StringComparison.Ordinal);
        if (equals < 1) throw new CliException($"nexus: '{setting}' is not a setting; write name=value.", ExitCodes.Usage);
        var names = setting[..equals].Split('.');
        foreach (var name in names[..^1])
        {
            if (body[name] is not JsonObject) body[name] = new JsonObject();
            body = (JsonObject)body[name]!;
        }

        body[names[^1]] = Value(setting[(equals + 1)..]);
    }

    // A number, true, a list: as JSON has it. What is no JSON is text; quotes make a text of what would be a number.
    private static JsonNode? Value(string text)
    {
        if (text.Length == 0) return null;
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}
