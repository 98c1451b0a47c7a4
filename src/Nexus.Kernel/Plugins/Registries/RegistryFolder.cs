using System.Security.Cryptography;

namespace Nexus.Kernel.Plugins.Registries;

/// <summary>Writes a registry: a folder with packages and their <see cref="RegistryIndex"/>, for a web server to serve as it is.</summary>
internal static class RegistryFolder
{
    /// <summary>Adds a verified package. Publishing the same bytes again changes nothing.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_ALREADY_INSTALLED</c>: the version is there with other content. A published version never changes.</exception>
    public static async Task<PluginOffer> PublishAsync(string package, string registry, CancellationToken cancellationToken)
    {
        var manifest = await PluginPackages.ValidateAsync(package, cancellationToken);
        var bytes = await File.ReadAllBytesAsync(package, cancellationToken);
        var offer = new PluginOffer
        {
            Name = manifest.Name,
            Version = manifest.Version,
            Category = manifest.Category,
            Description = manifest.Description,
            DisplayName = manifest.DisplayName,
            Author = manifest.Author,
            License = manifest.License,
            Tags = manifest.Tags,
            Requires = manifest.Requires,
            File = $"{manifest.Name}-{manifest.Version}{PackageArchive.Extension}",
            Size = bytes.Length,
            Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)),
        };
        try
        {
            Directory.CreateDirectory(registry);
            var index = Path.Combine(registry, RegistryIndex.FileName);
            var known = File.Exists(index) ? RegistryIndex.Read(await File.ReadAllBytesAsync(index, cancellationToken), registry) : [];
            if (known.FirstOrDefault(p => p.Name == offer.Name && p.Version == offer.Version) is { } there && there.Sha256 != offer.Sha256)
                throw new NexusException(ErrorCodes.PluginAlreadyInstalled, $"{registry} has {offer.Name} {offer.Version} with other content already. A published version never changes: raise `version` in the manifest and publish that.");
            await DurableFiles.ReplaceAsync(Path.Combine(registry, offer.File), bytes, cancellationToken);
            var kept = known.Where(p => p.Name != offer.Name || p.Version != offer.Version);
            await DurableFiles.ReplaceAsync(index, RegistryIndex.Write(kept.Append(offer with { Rating = known.FirstOrDefault(p => p.Name == offer.Name)?.Rating })), cancellationToken);
            return offer;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NexusException(ErrorCodes.StorageUnavailable, $"The registry {registry} cannot be written: {e.Message} A registry is a folder; publish on the machine whose web server serves it, or to a folder that it shares.", e);
        }
    }
}
