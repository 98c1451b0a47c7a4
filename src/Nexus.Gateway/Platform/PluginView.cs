using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>A plugin as operators see it.</summary>
internal sealed record PluginView(
    string Id, string Version, PluginState State, bool Enabled, string? Category, string Origin, PluginIsolation Isolation,
    long Generation, int GenerationsAlive, long InFlight, PluginHealth Health, PluginState? FailedIn,
    string? Cause, string? Remedy, string? Warning, string? Pending, PluginRollout? Rollout, DateTimeOffset Since, int Routes, IReadOnlyList<string> Previous)
{
    /// <summary>The view of a status.</summary>
    public static PluginView Of(PluginStatus plugin, int routes) => new(
        plugin.Id, plugin.Version, plugin.State, plugin.Enabled, plugin.Manifest?.Category.ToString().ToLowerInvariant(), plugin.Origin, plugin.Isolation,
        plugin.Generation, plugin.GenerationsAlive, plugin.InFlight, plugin.Health, plugin.FailedIn,
        plugin.Cause, plugin.Remedy, plugin.Warning, plugin.Pending, plugin.Rollout, plugin.Since, routes, plugin.Previous);

    /// <summary>As a JSON object, for answers that add to it.</summary>
    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, PlatformJson.Shared.PluginView)!.AsObject();
}

/// <summary>
/// JSON of what operators ask for in every swap. Generated: a swap clears the framework's JSON caches, and the reflective path would
/// compile each getter anew after each of them, a third of a swap's processor time.
/// </summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PluginView))]
[JsonSerializable(typeof(PluginView[]))]
[JsonSerializable(typeof(PluginProgress))]
[JsonSerializable(typeof(InstallRequest))]
[JsonSerializable(typeof(RolloutRequest))]
[JsonSerializable(typeof(PluginLogLine[]))]
internal sealed partial class PlatformJson : JsonSerializerContext
{
    /// <summary>With the escaping of all platform answers.</summary>
    public static PlatformJson Shared { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web) { Encoder = JsonAnswer.Options.Encoder, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull });
}

/// <summary>The JSON form of an install.</summary>
internal sealed record InstallRequest(string? Path, string? Source = null, bool Update = false, bool Force = false, bool Activate = true);

/// <summary>A share, and a package where a rollout begins.</summary>
internal sealed record RolloutRequest(double? Percent, string? Path = null, string? Source = null);
