using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>What the installation of a package would change, before anybody decides.</summary>
internal sealed class PluginPreviewRoutes(RequestBody bodies, IServiceProvider host) : IPlatformRoutes
{
    private const string Form = """
        {"title":"PluginPreview","type":"object","required":["id","displayName","description","author","license","from","to","isLower","isolation","needsRestart","permissions","dependencies","settings"],"properties":{"id":{"type":"string"},"displayName":{"type":["string","null"]},"description":{"type":"string"},"author":{"type":["string","null"]},"license":{"type":["string","null"]},
          "from":{"type":["string","null"],"description":"The version that is installed."},"to":{"type":"string"},"isLower":{"type":"boolean"},"isolation":{"type":"string","enum":["stable","hot","process"]},"needsRestart":{"type":"boolean"},
          "permissions":{"type":"object","required":["added","removed"],"properties":{"added":{"type":"array","items":{"type":"object","required":["name","reason"],"properties":{"name":{"type":"string"},"reason":{"type":"string"}}}},"removed":{"type":"array","items":{"type":"string"}}}},
          "dependencies":{"type":"array","items":{"type":"object","required":["id","range","optional","found","isMet"],"properties":{"id":{"type":"string"},"range":{"type":"string"},"optional":{"type":"boolean"},"found":{"type":["string","null"]},"isMet":{"type":"boolean"}}}},
          "settings":{"type":"object","required":["added","removed"],"properties":{"added":{"type":"array","items":{"type":"string"}},"removed":{"type":"array","items":{"type":"string"}}}}}}
        """;

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("POST", "/api/v1/plugins/preview", "previewPlugin", "What an install or update would change: versions, permissions, dependencies, settings; verifies the package and runs no code of it", "platform.plugins:create", PreviewAsync)
        {
            Input = """{"type":"object","properties":{"path":{"type":"string"},"source":{"type":"string"}}}""",
            Upload = "package",
            Answer = OpenApi.Answer.Inline(Form),
        },
    ];

    private async Task PreviewAsync(HttpContext context)
    {
        if (context.Request.HasFormContentType)
        {
            await using var upload = await PackageUpload.ReceiveAsync(context);
            await AnswerAsync(context, upload.Path);
            return;
        }

        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        var asked = body.IsEmpty ? null : JsonSerializer.Deserialize(body.Span, PlatformJson.Shared.InstallRequest);
        await PackageSource.UseAsync(asked?.Path, asked?.Source, context, host, path => AnswerAsync(context, path));
    }

    private async Task AnswerAsync(HttpContext context, string path)
    {
        var preview = host.GetService<IPluginPreview>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host installs no packages.");
        var found = await preview.ReadAsync(path, context.RequestAborted);
        var (next, installed, old) = (found.Manifest, found.Installed, found.Installed?.Manifest);
        var isolation = next.Isolation ?? (next.Category == PluginCategory.Core ? PluginIsolation.Stable : PluginIsolation.Hot);
        await JsonAnswer.SendAsync(context, new JsonObject
        {
            ["id"] = next.Name,
            ["displayName"] = next.DisplayName,
            ["description"] = next.Description,
            ["author"] = next.Author,
            ["license"] = next.License,
            ["from"] = installed?.Version,
            ["to"] = next.Version,
            ["isLower"] = found.IsLower,
            ["isolation"] = isolation.ToString().ToLowerInvariant(),
            ["needsRestart"] = installed is { State: PluginState.Active } && isolation == PluginIsolation.Stable,
            ["permissions"] = new JsonObject
            {
                ["added"] = new JsonArray([.. next.Permissions.Where(p => old?.Permissions.Any(o => o.Name == p.Name) != true).Select(p => (JsonNode)new JsonObject { ["name"] = p.Name, ["reason"] = p.Reason })]),
                ["removed"] = Names(old?.Permissions.Where(o => next.Permissions.All(p => p.Name != o.Name)).Select(o => o.Name)),
            },
            ["dependencies"] = new JsonArray([.. found.Dependencies.Select(d => (JsonNode)new JsonObject { ["id"] = d.Dependency.Id, ["range"] = d.Dependency.Range, ["optional"] = d.Dependency.Optional, ["found"] = d.Found, ["isMet"] = d.IsMet })]),
            ["settings"] = new JsonObject { ["added"] = Names(Settings(next).Except(Settings(old))), ["removed"] = Names(Settings(old).Except(Settings(next))) },
        });
    }

    private static IEnumerable<string> Settings(PluginManifest? manifest) => (manifest?.Configuration?["properties"] as JsonObject)?.Select(p => p.Key) ?? [];

    private static JsonArray Names(IEnumerable<string>? names) => new([.. (names ?? []).Select(n => (JsonNode)n)]);
}
