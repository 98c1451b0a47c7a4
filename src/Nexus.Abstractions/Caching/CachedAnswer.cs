using System.Collections.Immutable;

namespace Nexus;

/// <summary>How answers of a GET route are cached by the gateway. Kept are answers with status 200 without cookies that do not forbid it; a write of what a tag names removes them on all nodes.</summary>
/// <param name="Life">How long an answer is served without its handler.</param>
public sealed record CachedAnswer(TimeSpan Life)
{
    /// <summary>Tags by which answers are removed: words of the plugin's own, or of <see cref="CacheTags"/>. They are sent as <c>Cache-Tag</c>, for an edge cache.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>Who may be given the same answer.</summary>
    public CacheAudience Audience { get; init; }

    /// <summary>Request headers besides <c>Accept</c> and <c>Accept-Language</c> that the answer depends on.</summary>
    public ImmutableArray<string> VaryBy { get; init; } = [];

    /// <summary>How long a browser may use its copy unasked. Zero has it ask each time, which costs a 304 and never shows what was changed.</summary>
    public TimeSpan BrowserLife { get; init; }
}

/// <summary>Who may be given the same cached answer.</summary>
public enum CacheAudience
{
    /// <summary>The same caller with the same roles, teams and scopes only.</summary>
    Caller,

    /// <summary>Everyone who may call the route for all records; of those who may for some only, each has its own. On a route without a permission: everyone in the tenant.</summary>
    Everyone,
}
