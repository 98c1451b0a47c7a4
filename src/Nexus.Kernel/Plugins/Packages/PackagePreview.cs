using NuGet.Versioning;

namespace Nexus.Kernel.Plugins;

/// <summary>Reads packages without installing them; what is kept of one on the way goes with the next collection, as no record names it.</summary>
internal sealed class PackagePreview(IPackages packages, IPlugins plugins) : IPluginPreview
{
    public async Task<PluginPreview> ReadAsync(string path, CancellationToken cancellationToken)
    {
        var manifest = (await packages.ImportAsync(path, cancellationToken)).Manifest;
        var all = plugins.List().ToDictionary(p => p.Id, StringComparer.Ordinal);
        var installed = all.GetValueOrDefault(manifest.Name);
        return new PluginPreview(manifest, installed, Of(installed?.Version) is { } was && Of(manifest.Version) < was, [.. manifest.Dependencies.Select(Look)]);

        NeededPlugin Look(PluginDependency needed)
        {
            var found = all.GetValueOrDefault(needed.Id)?.Version;
            return new NeededPlugin(needed, found, found is not null && VersionRules.Satisfies(needed.Range, found));
        }
    }

    private static NuGetVersion? Of(string? version) => NuGetVersion.TryParse(version, out var parsed) ? parsed : null;
}
