using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>What plugins may use, and the permissions that guard their routes.</summary>
internal sealed class PluginPermissionRoutes(IPlugins plugins, PluginRoutes routes, RequestBody bodies, AdministrationTrail administration, IServiceProvider host) : IPlatformRoutes
{
    private const string Pattern = "/api/v1/plugins/{id}/permissions";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Pattern, "getPluginPermissions", "Capabilities that a plugin asks for, has and was denied, and permissions that guard it", "platform.plugins:read", GetAsync) { Answer = Answer.Of<PluginPermissionsView>() },
        new("PUT", Pattern, "changePluginPermissions", "Grant, deny or revoke capabilities of a plugin; it counts at its next use", "platform.plugins:update", ChangeAsync)
        {
            Input = """{"type":"object","properties":{"grant":{"type":"array","items":{"type":"string"}},"deny":{"type":"array","items":{"type":"string"}},"revoke":{"type":"array","items":{"type":"string"}}}}""",
            Answer = Answer.Of<PluginPermissionsView>(),
        },
    ];

    private async Task GetAsync(HttpContext context)
    {
        var manifest = Find(context);
        await AnswerAsync(context, manifest.Name, host.GetService<IPluginPermissions>() is { } permissions
            ? await permissions.GetAsync(manifest, context.RequestAborted)
            : new PluginPermissions(manifest.Name, manifest.Permissions, [], []));
    }

    private async Task ChangeAsync(HttpContext context)
    {
        var manifest = Find(context);
        var permissions = host.GetService<IPluginPermissions>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host keeps no permissions of plugins.");
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        var asked = (body.IsEmpty ? null : JsonNode.Parse(body.Span)) as JsonObject;
        var change = new PermissionChange(Names(asked, "grant"), Names(asked, "deny"), Names(asked, "revoke"));
        if (change is { Grant.IsEmpty: true, Deny.IsEmpty: true, Revoke.IsEmpty: true })
            throw new NexusException(ErrorCodes.ValidationError, "The body needs `grant`, `deny` or `revoke`.") { Errors = [new FieldError("/grant", "required", "name at least one capability to grant, deny or revoke.")] };
        await AnswerAsync(context, manifest.Name, await administration.ChangePermissionsAsync(manifest, change, () => permissions.ChangeAsync(manifest, change, CancellationToken.None)));
    }

    private Task AnswerAsync(HttpContext context, string id, PluginPermissions permissions)
    {
        var guards = routes.Endpoints.Select(e => e.Metadata.GetMetadata<RouteFacts>()!).Where(r => r.Plugin == id && r.Permission is not null).Select(r => r.Permission!).Distinct().Order();
        return JsonAnswer.SendAsync(context, new PluginPermissionsView(id, permissions.Requested, permissions.Granted, permissions.Denied, [.. guards]));
    }

    private PluginManifest Find(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var plugin = plugins.List().FirstOrDefault(p => p.Id == id) ?? throw new NexusException(ErrorCodes.PluginNotFound, $"This node knows no plugin {id}.");
        return plugin.Manifest ?? throw new NexusException(ErrorCodes.PluginManifestInvalid, $"The manifest of {id} cannot be read: {plugin.Cause}");
    }

    private static ImmutableArray<string> Names(JsonObject? asked, string name) => asked?[name] switch
    {
        null => [],
        JsonArray list when list.All(v => v is JsonValue value && value.TryGetValue(out string? _)) => [.. list.Select(v => (string)v!)],
        _ => throw new NexusException(ErrorCodes.ValidationError, $"{name} is not valid.") { Errors = [new FieldError("/" + name, "type", $"{name} must be a list of capabilities.")] },
    };
}

/// <summary>What a plugin may use, and the permissions that guard its routes.</summary>
internal sealed record PluginPermissionsView(string Id, ImmutableArray<RequestedCapability> Requested, ImmutableArray<string> Granted, ImmutableArray<string> Denied, ImmutableArray<string> Guards);
