using System.Collections.Immutable;

namespace Nexus;

/// <summary>Looks at a package before anybody decides about it.</summary>
public interface IPluginPreview
{
    /// <summary>Verifies a package as an install does, signature included, and reads its manifest. No code of it runs, and nothing of the node changes.</summary>
    /// <param name="path">Absolute path of a folder or a <c>.nxp</c> file.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException"><c>PLUGIN_PACKAGE_INVALID</c>, <c>PLUGIN_MANIFEST_INVALID</c> or what else an install would refuse it with.</exception>
    Task<PluginPreview> ReadAsync(string path, CancellationToken cancellationToken);
}

/// <summary>A package that is not installed, beside what is.</summary>
/// <param name="Manifest">Its manifest.</param>
/// <param name="Installed">The plugin of that id, or null.</param>
/// <param name="IsLower">Its version is lower than that of the installed one.</param>
/// <param name="Dependencies">What it needs, and what of it is there.</param>
public sealed record PluginPreview(PluginManifest Manifest, PluginStatus? Installed, bool IsLower, ImmutableArray<NeededPlugin> Dependencies);

/// <summary>A plugin that a package needs.</summary>
/// <param name="Dependency">What is needed.</param>
/// <param name="Found">The version that is there, or null.</param>
/// <param name="IsMet">That version will do.</param>
public sealed record NeededPlugin(PluginDependency Dependency, string? Found, bool IsMet);
