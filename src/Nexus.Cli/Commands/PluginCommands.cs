using System.CommandLine;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Commands;

/// <summary><c>nexus plugin …</c>: the life of plugins on a running host; packing and validating need none.</summary>
internal static class PluginCommands
{
    private static readonly (string, Func<JsonNode, string?>)[] Columns =
    [
        Output.Column("ID", "id"), Output.Column("VERSION", "version"), Output.Column("STATE", "state"), Output.Column("ORIGIN", "origin"),
        Output.Column("ISOLATION", "isolation"), Output.Column("GEN", "generation"), Output.Column("CAUSE", "cause"),
    ];

    private const string Sources = "a folder, a .nxp file, its http(s) address, a plugin of a registry (shop.notes, shop.notes@1.2.0), or a git repository (git+https://…, git+file://…[@tag][#folder]), which is cloned and built";

    public static Command Build()
    {
        var command = new Command("plugin", "Install, update, start, stop and look into plugins")
        {
            List(), Info(), Install("install", "Install a plugin", false), Install("update", "Replace an installed plugin by a swap", true), Rollout(),
            One("enable", "Start a plugin and keep it enabled"), One("disable", "Stop a plugin and keep it disabled", "force"), One("reload", "Swap a plugin for a fresh generation of what is on disk"),
            One("rollback", "Swap back to the previous version"), One("remove", "Stop and forget a plugin", "force", "deleteData"), Discover(), WhyAlive(), Message(), Permissions(), Decide("grant", "Let a plugin use capabilities, also such as its manifest does not ask for"), Decide("deny", "Keep a plugin from using capabilities"), Decide("revoke", "Take grants back; what the manifest asks for is denied"), PluginLogsCommand.Build(), PluginConfigCommand.Build(),
        };
        foreach (var other in PluginMarketCommands.Build().Concat(PluginAuthorCommands.Build()).Concat(PluginTrustCommands.Build())) command.Add(other);
        return command;
    }

    private static Command List()
    {
        var state = new Option<string?>("--state") { Description = "Only plugins in this state" };
        var category = new Option<string?>("--category") { Description = "Only plugins of this category" };
        var enabled = new Option<bool>("--enabled") { Description = "Only enabled plugins" };
        var command = new Command("list", "List the known plugins") { state, category, enabled };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = await host.GetAsync("/api/v1/plugins", cancel);
            var rows = Output.Rows(answer).Where(row =>
                (call.GetValue(state) is not { } s || string.Equals(Output.Get(row, "state"), s, StringComparison.OrdinalIgnoreCase))
                && (call.GetValue(category) is not { } c || string.Equals(Output.Get(row, "category"), c, StringComparison.OrdinalIgnoreCase))
                && (!call.GetValue(enabled) || Output.Get(row, "enabled") == "true"));
            return Output.Print(call, new JsonArray([.. rows.Select(r => r.DeepClone())]), found => Output.Table(found, Columns));
        });
        return command;
    }

    private static Command Info()
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var command = new Command("info", "Show everything that is known of a plugin") { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync($"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}", cancel), Output.Text);
        });
        return command;
    }

    private static Command Install(string name, string description, bool update)
    {
        var source = new Argument<string>("source") { Description = Sources };
        var force = new Option<bool>("--force") { Description = "Accept a lower version" };
        var stopped = new Option<bool>("--no-start") { Description = "Do not start it" };
        var everywhere = RollingChangeView.Option();
        var command = new Command(name, description) { source, force, stopped, everywhere };
        command.SetAction(async (call, cancel) =>
        {
            using var from = await PluginSource.ResolveAsync(call.GetValue(source)!, cancel);
            using var host = Host.Of(call);
            var body = new JsonObject { [from.Key] = from.Value, ["update"] = update, ["force"] = call.GetValue(force), ["activate"] = !call.GetValue(stopped) };
            if (call.GetValue(everywhere))
                return await RollingChangeView.RunAsync(call, host, HttpMethod.Post, "/api/v1/plugins?allNodes=true", body, cancel);
            var answer = await Output.WhileAsync(call, $"{name} {call.GetValue(source)}", () => host.PostAsync("/api/v1/plugins", body, cancel));
            return Output.Print(call, answer, Show);
        });
        return command;
    }

    private static Command One(string name, string description, params string[] flags)
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var options = flags.Select(f => (Name: f, Option: new Option<bool>($"--{(f == "deleteData" ? "delete-data" : f)}") { Description = f == "force" ? "Also when others depend on it" : "Also delete what it stored" })).ToList();
        var command = new Command(name, description) { id };
        foreach (var (_, option) in options) command.Add(option);
        var everywhere = RollingChangeView.Option();
        if (name != "reload") command.Add(everywhere);
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var plugin = $"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}";
            var query = string.Join('&', options.Where(o => call.GetValue(o.Option)).Select(o => $"{o.Name}=true"));
            if (name != "reload" && call.GetValue(everywhere))
                return await RollingChangeView.RunAsync(call, host, name == "remove" ? HttpMethod.Delete : HttpMethod.Post, $"{plugin}{(name == "remove" ? "" : $"/{name}")}?{query}&allNodes=true", null, cancel);
            var answer = await Output.WhileAsync(call, $"{name} {call.GetValue(id)}", () => name == "remove"
                ? host.DeleteAsync($"{plugin}?{query}", cancel)
                : host.PostAsync($"{plugin}/{name}?{query}", null, cancel));
            return Output.Print(call, answer, found => { if (found is null) Console.WriteLine($"{call.GetValue(id)}: done"); else Show(found); });
        });
        return command;
    }

    private static Command Discover()
    {
        var command = new Command("discover", "Look into the plugin folders again");
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            await host.PostAsync("/api/v1/plugins/discover", null, cancel);
            return Output.Print(call, await host.GetAsync("/api/v1/plugins", cancel), found => Output.Table(found, Columns));
        });
        return command;
    }

    private static Command WhyAlive()
    {
        var id = new Argument<string>("id") { Description = "The plugin whose old code stays in memory" };
        var command = new Command("why-alive", "Name what keeps a plugin's old code in memory") { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var answer = await Output.WhileAsync(call, "looking at the heap", () => host.GetAsync($"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}/why-alive", cancel));
            return Output.Print(call, answer, Output.Text);
        });
        return command;
    }

    private static Command Permissions()
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var command = new Command("permissions", "Show what a plugin asks for, has and was denied") { id };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            return Output.Print(call, await host.GetAsync($"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}/permissions", cancel), Output.Text);
        });
        return command;
    }

    private static Command Decide(string verb, string description)
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var capabilities = new Argument<string[]>("capabilities") { Description = "Such as http.external", Arity = ArgumentArity.OneOrMore };
        var command = new Command(verb, description) { id, capabilities };
        command.SetAction(async (call, cancel) =>
        {
            using var host = Host.Of(call);
            var body = new JsonObject { [verb] = new JsonArray([.. call.GetValue(capabilities)!.Select(c => (JsonNode)c)]) };
            var answer = await host.SendAsync(HttpMethod.Put, $"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}/permissions", new StringContent(body.ToJsonString(), System.Text.Encoding.UTF8, "application/json"), cancel);
            return Output.Print(call, answer, found => Console.WriteLine($"granted  {Output.Get(found!, "granted")}\ndenied   {Output.Get(found!, "denied")}"));
        });
        return command;
    }

    private static Command Message()
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var data = new Argument<string>("data") { Description = "The message, JSON" };
        var timeout = new Option<double?>("--timeout") { Description = "Seconds to wait for the reply" };
        var command = new Command("message", "Send a message to a plugin and print its reply") { id, data, timeout };
        command.SetAction(async (call, cancel) =>
        {
            JsonNode? message;
            try
            {
                message = JsonNode.Parse(call.GetValue(data)!);
            }
            catch (System.Text.Json.JsonException error)
            {
                throw new CliException($"nexus: the message is not JSON: {error.Message}", ExitCodes.Usage);
            }

            using var host = Host.Of(call);
            var body = new JsonObject { ["data"] = message };
            if (call.GetValue(timeout) is { } seconds) body["timeout"] = seconds;
            return Output.Print(call, await host.PostAsync($"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}/message", body, cancel), found => Output.Text(found?["data"]));
        });
        return command;
    }

    private static Command Rollout()
    {
        var id = new Argument<string>("id") { Description = "The plugin" };
        var source = new Argument<string?>("source") { Description = $"Where a rollout begins: {Sources}", Arity = ArgumentArity.ZeroOrOne };
        var percent = new Option<double?>("--percent") { Description = "Share of the callers that reach the new version" };
        var promote = new Option<bool>("--promote") { Description = "Serve the new version to all callers" };
        var abort = new Option<bool>("--abort") { Description = "Serve the old version to all callers again" };
        var command = new Command("rollout", "Let a part of the callers reach a new version; each caller stays with its version") { id, source, percent, promote, abort };
        command.SetAction(async (call, cancel) =>
        {
            var share = call.GetValue(promote) ? 100 : call.GetValue(abort) ? 0 : call.GetValue(percent);
            if (share is not { } wanted || (call.GetValue(promote) ? 1 : 0) + (call.GetValue(abort) ? 1 : 0) + (call.GetValue(percent) is null ? 0 : 1) != 1)
                throw new CliException("nexus: say one of --percent N, --promote and --abort.", ExitCodes.Usage);
            using var from = call.GetValue(source) is { } text ? await PluginSource.ResolveAsync(text, cancel) : null;
            using var host = Host.Of(call);
            var body = new JsonObject { ["percent"] = wanted };
            if (from is not null) body[from.Key] = from.Value;
            return Output.Print(call, await host.PostAsync($"/api/v1/plugins/{Uri.EscapeDataString(call.GetValue(id)!)}/rollout", body, cancel), Show);
        });
        return command;
    }

    /// <summary>The plugin as a row, and below it what an operator should know although the command succeeded.</summary>
    private static void Show(JsonNode? plugin)
    {
        Output.Table(new JsonArray(plugin!.DeepClone()), Columns);
        foreach (var text in new[] { Output.Get(plugin, "warning"), Output.Get(plugin, "pending") }.OfType<string>()) Console.WriteLine(text);
        if (plugin["rollout"] is { } rollout) Console.WriteLine($"{Output.Get(rollout, "version")} reaches {Output.Get(rollout, "percent")} % of the callers");
    }
}
