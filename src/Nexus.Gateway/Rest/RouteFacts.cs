using System.Collections.Immutable;
using Nexus.Gateway.Metrics;

namespace Nexus.Gateway.Rest;

/// <summary>What is known of one route; metadata of its endpoint. Holds no code of a plugin.</summary>
internal sealed record RouteFacts
{
    /// <summary>The plugin, or <c>nexus</c> for the platform's own.</summary>
    public required string Plugin { get; init; }

    /// <summary>Methods; empty means any.</summary>
    public required ImmutableArray<string> Methods { get; init; }

    /// <summary>Full route pattern.</summary>
    public required string Pattern { get; init; }

    /// <summary>Name of the handler.</summary>
    public required string Handler { get; init; }

    /// <summary>Permission a caller needs, or null for a public route.</summary>
    public string? Permission { get; init; }

    /// <summary>How often one caller may use it, or null.</summary>
    public RateLimit? RateLimit { get; init; }

    /// <summary>Also served to a caller who must change the password first.</summary>
    public bool ForPasswordChange { get; init; }

    /// <summary>Feature without which it is not served, or null.</summary>
    public string? Feature { get; init; }

    /// <summary>How its answers to GET are cached; null when they are not.</summary>
    public CachedAnswer? Cached { get; init; }

    /// <summary>Version of the plugin: another one has cached answers of its own.</summary>
    public string Version { get; init; } = "";

    /// <summary>Not logged (health probes).</summary>
    public bool Quiet { get; init; }

    /// <summary>Its counters.</summary>
    public required RouteCounters Counters { get; init; }
}
