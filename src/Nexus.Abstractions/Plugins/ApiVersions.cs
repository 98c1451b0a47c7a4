namespace Nexus;

/// <summary>A version of a plugin's HTTP API, served beside the others. Its routes begin with <c>/v{Number}/</c> below the plugin's prefix; version 1 has no such word.</summary>
/// <param name="Number">Its number, from 1.</param>
public sealed record ApiVersionContribution(int Number) : Contribution
{
    /// <summary>Since when it is deprecated (<c>Deprecation</c>, RFC 9745); null when it is not.</summary>
    public DateOnly? DeprecatedOn { get; init; }

    /// <summary>When it will be gone (<c>Sunset</c>, RFC 8594); null when that is not known.</summary>
    public DateOnly? SunsetOn { get; init; }

    /// <summary>Where a caller reads how to move on; null for nowhere.</summary>
    public Uri? Guide { get; init; }
}

/// <summary>The verb by which a plugin tells the versions of its HTTP API.</summary>
public static class ApiVersionVerbs
{
    /// <summary>Tells of a version of the plugin's HTTP API. Callers choose it by its routes, by <c>X-API-Version</c> or by <c>Accept: application/vnd.nexus.v{number}+json</c>; one that is deprecated says so in every answer.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="number">Its number: 1 are the routes without a version, any other those that begin with <c>/v{number}/</c>.</param>
    /// <param name="deprecatedOn">Since when it is deprecated.</param>
    /// <param name="sunsetOn">When it will be gone; not before it is deprecated.</param>
    /// <param name="guide">Where a caller reads how to move on.</param>
    public static IPluginBuilder AddApiVersion(this IPluginBuilder plugin, int number, DateOnly? deprecatedOn = null, DateOnly? sunsetOn = null, Uri? guide = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1);
        if (sunsetOn is { } gone && (deprecatedOn is not { } since || gone < since))
            throw new ArgumentException("A version that will be gone is deprecated before.", nameof(sunsetOn));
        return plugin.Contribute(new ApiVersionContribution(number) { DeprecatedOn = deprecatedOn, SunsetOn = sunsetOn, Guide = guide });
    }
}
