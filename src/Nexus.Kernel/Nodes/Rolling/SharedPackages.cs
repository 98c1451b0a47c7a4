using Nexus.Kernel.Plugins;
using Nexus.Kernel.Plugins.Trust;

namespace Nexus.Kernel.Nodes.Rolling;

/// <summary>Packages in the blobs of the storage, once each, where every node finds them. A node judges what it takes as if an operator had brought it: manifest, hashes, signature. Thread-safe.</summary>
internal sealed class SharedPackages(IBlobStore blobs, IPackages packages)
{
    private const string Owner = "nexus.packages";

    private IBlobs Store => blobs.Get(Owner, CallContext.DefaultTenant);

    /// <summary>Puts a kept package there.</summary>
    public async Task<PluginWish> PublishAsync(PluginPackage package, bool enabled, CancellationToken cancellationToken)
    {
        using var archive = new MemoryStream();
        await PackageArchive.PackAsync(package.Directory, archive, cancellationToken);
        archive.Position = 0;
        var blob = await Store.PutAsync(archive, cancellationToken);
        var signature = Path.Combine(package.Directory, PackageSignature.FileName);
        return new PluginWish
        {
            Hash = package.ContentHash,
            Version = package.Manifest.Version,
            Enabled = enabled,
            Blob = blob.Sha256,
            Signature = File.Exists(signature) ? await File.ReadAllBytesAsync(signature, cancellationToken) : null,
        };
    }

    /// <summary>The package of a wish in this node's own store; fetched when it is not there.</summary>
    /// <exception cref="NexusException">It is not there, or this node does not trust it.</exception>
    public async Task<PluginPackage> FetchAsync(PluginWish wish, CancellationToken cancellationToken)
    {
        if (await packages.FindAsync(wish.Hash, "", cancellationToken) is { } kept)
            return kept;
        if (wish.Blob is null || await Store.OpenAsync(wish.Blob, cancellationToken) is not { } blob)
            throw new NexusException(ErrorCodes.PluginPackageInvalid, $"The package {wish.Hash} is not among the shared packages of the storage any more. Install it again on all nodes.");
        var folder = Directory.CreateTempSubdirectory("nexus-shared-").FullName;
        try
        {
            using var archive = new MemoryStream();
            await using (blob)
                await blob.CopyToAsync(archive, cancellationToken);
            await PackageArchive.ExtractAsync(wish.Blob, archive, folder, cancellationToken);
            if (wish.Signature is { Length: > 0 } signature)
                await File.WriteAllBytesAsync(Path.Combine(folder, PackageSignature.FileName), signature, cancellationToken);
            var package = await packages.ImportAsync(folder, cancellationToken);
            return package.ContentHash == wish.Hash ? package
                : throw new NexusException(ErrorCodes.PluginPackageInvalid, $"The shared package {wish.Hash} has the content {package.ContentHash}: it was altered in the storage.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
