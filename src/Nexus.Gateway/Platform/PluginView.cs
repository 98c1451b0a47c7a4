using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>A plugin as operators see it.</summary>
internal record PluginView(
    string Id, string Version, PluginState State, bool Enabled, string? Category, string Origin, PluginIsolation Isolation,
    long Generation, int GenerationsAlive, long InFlight, PluginHealth Health, PluginState? FailedIn,
    string? Cause, string? Remedy, string? Warning, string? Pending, PluginRollout? Rollout, DateTimeOffset Since, int Routes, IReadOnlyList<string> Previous)
{
    /// <summary>The view of a status.</summary>
    public static PluginView Of(PluginStatus plugin, int routes) => new(
        plugin.Id, plugin.Version, plugin.State, plugin.Enabled, plugin.Manifest?.Category.ToString().ToLowerInvariant(), plugin.Origin, plugin.Isolation,
        plugin.Generation, plugin.GenerationsAlive, plugin.InFlight, plugin.Health, plugin.FailedIn,
        plugin.Cause, plugin.Remedy, plugin.Warning, plugin.Pending, plugin.Rollout, plugin.Since, routes, plugin.Previous);
}

/// <summary>A plugin with what it declares and what was counted of it.</summary>
internal sealed record PluginDetail : PluginView
{
    private PluginDetail(PluginView view)
        : base(view)
    {
    }

    /// <summary>Hash of its files.</summary>
    [JsonPropertyOrder(1)]
    public required string ContentHash { get; init; }

    /// <summary>Its manifest; null where it cannot be read.</summary>
    [JsonPropertyOrder(1)]
    public PluginManifest? Manifest { get; init; }

    /// <summary>Counts by name, since the node started.</summary>
    [JsonPropertyOrder(1)]
    public required IReadOnlyDictionary<string, long> Counters { get; init; }

    /// <summary>The view with more.</summary>
    public static PluginDetail Of(PluginView view, PluginStatus plugin, IReadOnlyDictionary<string, long> counters) =>
        new(view) { ContentHash = plugin.ContentHash, Manifest = plugin.Manifest, Counters = counters };
}

/// <summary>A plugin after a command.</summary>
internal sealed record PluginChanged : PluginView
{
    private PluginChanged(PluginView view)
        : base(view)
    {
    }

    /// <summary>How many of its routes came or went.</summary>
    [JsonPropertyOrder(1)]
    public required int RoutesAffected { get; init; }

    /// <summary>The view with the command's effect.</summary>
    public static PluginChanged Of(PluginView view, int routesAffected) => new(view) { RoutesAffected = routesAffected };
}

/// <summary>Health of a plugin.</summary>
internal sealed record PluginHealthView(string Id, PluginState State, HealthLevel Status, string? Detail);

/// <summary>What a plugin was asked for and holds; its memory is null before it was measured.</summary>
internal sealed record PluginMetrics(string Id, long Requests, long Errors, long InFlight, int GenerationsAlive, PluginMemoryView? Memory);

/// <summary>Memory that a plugin held when it was measured.</summary>
internal sealed record PluginMemoryView(long HeldBytes, long Objects, DateTimeOffset MeasuredAt);

/// <summary>Settings of a plugin in force, and the schema that it declares for them.</summary>
internal sealed record PluginConfiguration(string Id, IReadOnlyDictionary<string, string?> Values, JsonObject? Schema);

/// <summary>
/// JSON of what operators ask for in every swap. Generated: a swap clears the framework's JSON caches, and the reflective path would
/// compile each getter anew after each of them, a third of a swap's processor time.
/// </summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PluginView))]
[JsonSerializable(typeof(PluginChanged))]
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
