using NuGet.Versioning;

namespace Nexus.Kernel.Plugins;

/// <summary>Whether a version lies in a range.</summary>
internal static class VersionRules
{
    /// <summary>As NuGet decides, but a pre-release of an excluded upper bound is excluded too: [1.0,2.0) does not take 2.0.0-beta, which already breaks what 2.0 breaks.</summary>
    public static bool Satisfies(string range, string version)
    {
        if (!VersionRange.TryParse(range, allowFloating: false, out var accepted) || !NuGetVersion.TryParse(version, out var found))
            return false;
        if (!accepted.Satisfies(found))
            return false;
        return !(found.IsPrerelease
            && accepted is { HasUpperBound: true, IsMaxInclusive: false, MaxVersion: { IsPrerelease: false } upper }
            && found.Version == upper.Version);
    }
}
