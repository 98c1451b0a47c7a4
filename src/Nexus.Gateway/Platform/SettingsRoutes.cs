using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Changes of the configuration at run time, for administrators.</summary>
internal sealed class SettingsRoutes(IServiceProvider host, IPlugins plugins, RequestBody bodies, AdministrationTrail administration) : IPlatformRoutes
{
    private const string Permission = "platform.config:update";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("PUT", "/api/v1/config", "putConfig", "Store settings and apply them; null removes a stored one", Permission, PutAsync) { Input = """{"type":"object"}""", Query = [("section", "the body is below this section, such as server")], Answer = Answer.Of<SettingsStored>() },
        new("POST", "/api/v1/config/reload", "reloadConfig", "Read the configuration files again", Permission, ReloadAsync) { Answer = Answer.Of<SettingsStored>() },
        new("PUT", "/api/v1/plugins/{id}/config", "putPluginConfig", "Store settings of one plugin and apply them without a restart; null removes a stored one", Permission, PutPluginAsync) { Input = """{"type":"object"}""", Answer = Answer.Of<SettingsStored>() },
    ];

    private ISettings Settings => host.GetService<ISettings>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host keeps no settings.");

    private async Task PutAsync(HttpContext context)
    {
        var (settings, patch) = (Settings, await BodyAsync(context));
        foreach (var name in (context.Request.Query["section"].FirstOrDefault() ?? "").Split('.', StringSplitOptions.RemoveEmptyEntries).Reverse())
            patch = new JsonObject { [name] = patch };
        await AnswerAsync(context, await administration.StoreAsync(settings, "config", () => settings.StoreAsync(patch, CancellationToken.None)));
    }

    private async Task ReloadAsync(HttpContext context)
    {
        var settings = Settings;
        await AnswerAsync(context, await administration.StoreAsync(settings, "config", () => Task.FromResult(settings.Reload())));
    }

    private async Task PutPluginAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var manifest = plugins.List().FirstOrDefault(p => p.Id == id)?.Manifest ?? throw new NexusException(ErrorCodes.PluginNotFound, $"This node knows no plugin {id}.");
        var (settings, body) = (Settings, await BodyAsync(context));
        await AnswerAsync(context, await administration.StoreAsync(settings, $"config/plugins.{id}", () => settings.StoreAsync(manifest, body, CancellationToken.None)));
    }

    private async Task<JsonObject> BodyAsync(HttpContext context)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        return (body.IsEmpty ? null : JsonNode.Parse(body.Span)) as JsonObject
            ?? throw new NexusException(ErrorCodes.BadRequest, """The body is a JSON object of settings, such as {"server":{"port":9000}}.""");
    }

    private static Task AnswerAsync(HttpContext context, SettingsChange change) =>
        JsonAnswer.SendAsync(context, new SettingsStored([.. change.UpdatedKeys.Select(k => k.Replace(':', '.'))], change.RestartRequired));
}

/// <summary>Keys whose value in force changed, and whether some count after a restart only.</summary>
internal sealed record SettingsStored([property: JsonPropertyName("updated_keys")] ImmutableArray<string> UpdatedKeys, [property: JsonPropertyName("restart_required")] bool RestartRequired);
