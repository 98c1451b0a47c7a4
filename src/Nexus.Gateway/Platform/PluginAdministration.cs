using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Plugins for operators: what there is, and commands on them. A command streams its progress to a caller that accepts <c>application/x-ndjson</c> or <c>text/event-stream</c>.</summary>
internal sealed class PluginAdministration(IPlugins plugins, RequestBody bodies, RequestMetrics metrics, IConfiguration configuration, PluginRoutes routes, AdministrationTrail administration, RollingCommands rolling, IServiceProvider host) : IPlatformRoutes
{
    private const string Root = "/api/v1/plugins";
    private const string Write = "platform.plugins:update";
    private const string Hidden = "***hidden***";
    private static readonly Answer Changes = Answer.Of<PluginChanged>();
    private static readonly (string, string)[] Uploaded = [("force", "also a lower version; of an upload, for others it is in the body"), ("activate", "false only keeps it; of an upload, for others it is in the body")];

    private static readonly (string, string) AllNodes = ("allNodes", "on all nodes, one after another; where one fails, all go back");

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root, "listPlugins", "Every known plugin with its state", "platform.plugins:read", context => JsonAnswer.SendAsync(context, [.. plugins.List().Select(View)], PlatformJson.Shared.PluginViewArray)) { Answer = Answer.Of<PluginView[]>() },
        new("GET", Root + "/summary", "summarizePlugins", "Number of plugins in each state", "platform.plugins:read", SummaryAsync) { Answer = Answer.Of<Dictionary<string, int>>() },
        new("POST", Root, "installPlugin", "Install a package: a .nxp file as multipart upload, a path on the node, an http(s) address, or an id of a registry", "platform.plugins:create", InstallAsync)
        {
            Success = 201,
            Input = """{"type":"object","properties":{"path":{"type":"string"},"source":{"type":"string"},"update":{"type":"boolean"},"force":{"type":"boolean"},"activate":{"type":"boolean"}}}""",
            Upload = "package",
            Query = [.. Uploaded, ("update", "also when it is installed; of an upload"), AllNodes],
            Answer = Changes.Or(Answer.Of<RollingChange>()),
        },
        new("POST", Root + "/discover", "discoverPlugins", "Look into the plugin folders again", Write, context => CommandAsync(context, new PluginCommand.Discover())) { Answer = Changes },
        new("GET", Root + "/{id}", "getPlugin", "One plugin with its manifest", "platform.plugins:read", context => JsonAnswer.SendAsync(context, Detailed(Find(context)))) { Answer = Answer.Of<PluginDetail>() },
        new("DELETE", Root + "/{id}", "removePlugin", "Stop and forget a plugin", "platform.plugins:delete", context => CommandAsync(context, new PluginCommand.Remove(Id(context), Flag(context, "force"), Flag(context, "deleteData")))) { Query = [("force", "also when others depend on it"), ("deleteData", "also its data"), AllNodes], Answer = Changes.Or(Answer.Of<RollingChange>()) },
        new("POST", Root + "/{id}/enable", "enablePlugin", "Set the stored flag and start", Write, context => CommandAsync(context, new PluginCommand.Enable(Id(context)))) { Query = [AllNodes], Answer = Changes.Or(Answer.Of<RollingChange>()) },
        new("POST", Root + "/{id}/disable", "disablePlugin", "Clear the stored flag and stop", Write, context => CommandAsync(context, new PluginCommand.Disable(Id(context), Flag(context, "force")))) { Query = [("force", "also when others depend on it"), AllNodes], Answer = Changes.Or(Answer.Of<RollingChange>()) },
        new("POST", Root + "/{id}/reload", "reloadPlugin", "Swap for a fresh generation of what is on disk", Write, context => CommandAsync(context, new PluginCommand.Reload(Id(context)))) { Answer = Changes },
        new("POST", Root + "/{id}/rollback", "rollbackPlugin", "Swap back to the previous version", Write, context => CommandAsync(context, new PluginCommand.Rollback(Id(context)))) { Query = [AllNodes], Answer = Changes.Or(Answer.Of<RollingChange>()) },
        new("POST", Root + "/{id}/update", "updatePlugin", "Swap for another package: a .nxp file as multipart upload, a path on the node, an http(s) address, or an id of a registry", Write, InstallAsync) { Input = """{"type":"object","properties":{"path":{"type":"string"},"source":{"type":"string"},"force":{"type":"boolean"}}}""", Upload = "package", Query = [.. Uploaded, AllNodes], Answer = Changes.Or(Answer.Of<RollingChange>()) },
        new("POST", Root + "/{id}/rollout", "rolloutPlugin", "Let a part of the callers reach a new version, or change their share; 100 promotes it, 0 aborts", Write, RolloutAsync) { Input = """{"type":"object","required":["percent"],"properties":{"percent":{"type":"number","minimum":0,"maximum":100},"path":{"type":"string"},"source":{"type":"string"}}}""", Answer = Changes },
        new("GET", Root + "/{id}/health", "getPluginHealth", "Health of one plugin", "platform.plugins:read", HealthAsync) { Answer = Answer.Of<PluginHealthView>() },
        new("GET", Root + "/{id}/metrics", "getPluginMetrics", "Request counts and memory of one plugin", "platform.plugins:read", MetricsAsync) { Query = [("memory", "true measures now, for which the node stands still while its memory is copied; else the last measurement is shown")], Answer = Answer.Of<PluginMetrics>() with { Types = ["application/json", "text/plain"] } },
        new("GET", Root + "/{id}/config", "getPluginConfig", "Configuration of one plugin, secrets hidden", "platform.config:read", ConfigAsync) { Answer = Answer.Of<PluginConfiguration>() },
    ];

    private PluginStatus Find(HttpContext context) =>
        plugins.List().FirstOrDefault(p => p.Id == Id(context)) ?? throw new NexusException(ErrorCodes.PluginNotFound, $"This node knows no plugin {Id(context)}.");

    private static string Id(HttpContext context) => (string)context.Request.RouteValues["id"]!;

    private static bool Flag(HttpContext context, string name) => context.Request.Query[name] is ["" or "true" or "1"];

    private int RoutesOf(string id) => routes.Endpoints.Count(e => e.Metadata.GetMetadata<RouteFacts>()?.Plugin == id);

    private PluginView View(PluginStatus plugin) => PluginView.Of(plugin, RoutesOf(plugin.Id));

    private PluginDetail Detailed(PluginStatus plugin)
    {
        var (requests, errors) = metrics.Of(plugin.Id);
        var active = plugins.Current.Find(plugin.Id);
        var counters = new Dictionary<string, long> { ["requests"] = requests, ["errors"] = errors, ["resources"] = active?.Resources.Length ?? 0, ["subscriptions"] = active?.Subscriptions.Length ?? 0, ["services"] = active?.Services.Length ?? 0 };
        foreach (var (name, count) in Use(plugin.Id))
            counters[name] = count;
        return PluginDetail.Of(View(plugin), plugin, counters);
    }

    /// <summary>What a plugin made of the platform's means since the node started. Pools that several plugins share are nobody's.</summary>
    private IEnumerable<(string Name, long Count)> Use(string plugin) =>
    [
        ("lazyLoads", metrics.LazyLoadsOf(plugin)),
        ("awaits", metrics.AwaitsOf(plugin)),
        ("queuedTasks", host.GetService<ITaskMonitor>()?.CountAsked(plugin) ?? 0),
        ("poolHits", host.GetServices<IConnectionPools>().SelectMany(p => p.List()).Where(p => p.Name == plugin || p.Name.StartsWith(plugin + "@", StringComparison.Ordinal)).Sum(p => p.Hits ?? 0)),
    ];

    private Task SummaryAsync(HttpContext context) =>
        JsonAnswer.SendAsync(context, plugins.List().GroupBy(p => p.State).OrderBy(g => g.Key).ToDictionary(g => g.Key.ToString(), g => g.Count()));

    private Task HealthAsync(HttpContext context)
    {
        var plugin = Find(context);
        return JsonAnswer.SendAsync(context, new PluginHealthView(plugin.Id, plugin.State, plugin.Health.Status, plugin.Health.Detail ?? plugin.Cause));
    }

    private async Task MetricsAsync(HttpContext context)
    {
        var plugin = Find(context);
        if (context.Request.Headers.Accept is [{ } accept] && accept.StartsWith("text/plain", StringComparison.Ordinal))
        {
            var text = new Exposition(openMetrics: false);
            metrics.Write(text, plugin: plugin.Id);
            await JsonAnswer.SendBytesAsync(context, text.End(), text.ContentType);
            return;
        }
        var meter = host.GetService<IPluginMemory>();
        if (Flag(context, "memory"))
            await (meter ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no heap reader.")).MeasureAsync(context.RequestAborted);
        var (requests, errors) = metrics.Of(plugin.Id);
        var memory = meter?.Find(plugin.Id) is { } held ? new PluginMemoryView(held.HeldBytes, held.Objects, held.MeasuredAt) : null;
        await JsonAnswer.SendAsync(context, new PluginMetrics(plugin.Id, requests, errors, plugin.InFlight, plugin.GenerationsAlive, memory));
    }

    private Task ConfigAsync(HttpContext context)
    {
        var plugin = Find(context);
        var secrets = Secrets.Declared(plugin.Manifest?.Configuration).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var section = configuration.GetSection($"plugins:{plugin.Id}");
        var values = section.AsEnumerable(makePathsRelative: true).Where(v => v.Value is not null)
            .OrderBy(v => v.Key, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(v => v.Key.Replace(':', '.'), v => secrets.Any(s => v.Key.Equals(s, StringComparison.OrdinalIgnoreCase) || v.Key.StartsWith(s + ":", StringComparison.OrdinalIgnoreCase)) || Secrets.IsNamedLikeOne(v.Key) ? Hidden : v.Value);
        return JsonAnswer.SendAsync(context, new PluginConfiguration(plugin.Id, values, plugin.Manifest?.Configuration));
    }

    private async Task InstallAsync(HttpContext context)
    {
        var update = context.Request.RouteValues.ContainsKey("id");
        if (context.Request.HasFormContentType)
        {
            await using var upload = await PackageUpload.ReceiveAsync(context);
            await CommandAsync(context, new PluginCommand.Install(upload.Path, update || Flag(context, "update"), Flag(context, "force"), !context.Request.Query.ContainsKey("activate") || Flag(context, "activate")), update ? 200 : 201);
            return;
        }
        var asked = await ReadAsync(context, PlatformJson.Shared.InstallRequest);
        await PackageSource.UseAsync(asked?.Path, asked?.Source, context, host, path => CommandAsync(context, new PluginCommand.Install(path, update || asked!.Update, asked!.Force, asked.Activate), update ? 200 : 201));
    }

    private async Task RolloutAsync(HttpContext context)
    {
        var asked = await ReadAsync(context, PlatformJson.Shared.RolloutRequest);
        if (asked?.Percent is not { } percent)
            throw new NexusException(ErrorCodes.ValidationError, "The body needs `percent`.") { Errors = [new FieldError("/percent", "required", "percent must be a number from 0 (abort) to 100 (promote).")] };
        if (asked is { Path: null, Source: null })
            await CommandAsync(context, new PluginCommand.Rollout(Id(context), percent));
        else
            await PackageSource.UseAsync(asked.Path, asked.Source, context, host, path => CommandAsync(context, new PluginCommand.Rollout(Id(context), percent, path)));
    }

    private async Task<T?> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> form)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        return body.IsEmpty ? default : JsonSerializer.Deserialize(body.Span, form);
    }

    private Task CommandAsync(HttpContext context, PluginCommand command, int success = 200)
    {
        if (Flag(context, "allNodes"))
            return rolling.RunAsync(context, command);
        if (ProgressStream.Of(context) is { } stream)
            return stream.RunAsync(context, async steps => JsonSerializer.SerializeToNode(Changed(await administration.ExecuteAsync(command, steps), 0), PlatformJson.Shared.PluginChanged)!);
        return RunAsync();

        async Task RunAsync()
        {
            var before = RoutesOf(command.Id);
            var status = await administration.ExecuteAsync(command, null);
            if (success == 201)
                context.Response.Headers.Location = $"{Root}/{status.Id}";
            await JsonAnswer.SendAsync(context, Changed(status, before), PlatformJson.Shared.PluginChanged, success);
        }
    }

    private PluginChanged Changed(PluginStatus status, int routesBefore) => PluginChanged.Of(View(status), Math.Max(routesBefore, RoutesOf(status.Id)));
}

/// <summary>Names that configuration values with secrets usually have.</summary>
internal static class Secrets
{
    private static readonly string[] Words = ["password", "secret", "token", "apikey", "api_key", "connectionstring", "privatekey", "credential"];

    /// <summary>Keys that a plugin's schema marks as secret, with colons between their parts.</summary>
    public static IEnumerable<string> Declared(JsonNode? schema, string prefix = "")
    {
        if (schema?["properties"] is not JsonObject properties)
            yield break;
        foreach (var (name, inner) in properties)
        {
            if (inner?["secret"]?.GetValueKind() == JsonValueKind.True)
                yield return prefix + name;
            foreach (var key in Declared(inner, $"{prefix}{name}:"))
                yield return key;
        }
    }

    /// <summary>Whether a key is named like a secret.</summary>
    public static bool IsNamedLikeOne(string key) => Words.Any(word => key.Contains(word, StringComparison.OrdinalIgnoreCase));
}
