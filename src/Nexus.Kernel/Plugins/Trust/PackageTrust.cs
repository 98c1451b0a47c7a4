using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins.Trust;

/// <summary>Decides whether a package may run. Every refusal names the package, the rule and the way out.</summary>
internal sealed class PackageTrust(PluginsOptions options, TimeProvider time)
{
    /// <summary>The folder of what is trusted.</summary>
    public TrustFolder Folder { get; } = new(Path.Combine(options.DataDirectory, "trust"));

    /// <summary>Whether packages are checked against their list again when they are taken from the store.</summary>
    public bool IsStrict => options.RequireSignature;

    /// <summary>Checks a package whose file list is verified.</summary>
    /// <param name="package">Where it came from.</param>
    /// <param name="contentHash">Its content hash.</param>
    /// <param name="signature">Its signature, or null.</param>
    /// <param name="digest">Digest of its archive; null when it does not come from one now.</param>
    /// <param name="arrival">How it comes.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException"><c>PLUGIN_UNTRUSTED</c>.</exception>
    public async Task CheckAsync(string package, string contentHash, PackageSignature? signature, string? digest, Arrival arrival, CancellationToken cancellationToken)
    {
        var revoked = await Folder.RevokedAsync(cancellationToken);
        if (revoked.Packages.FirstOrDefault(p => p.Id == contentHash) is { } gone)
            throw Refused(package, $"its content {contentHash} was revoked on {gone.At} ({gone.Reason})", "Install another version of it");
        if (signature is null)
        {
            if (arrival.OfThePlatform && !options.RequireSignature && !IsPlaced(package))
                throw Refused(package, "it is not signed and says that it is a part of the platform (category core), which is not held to capabilities", "Sign it with `nexus plugin sign`, put it into a folder of plugins.directories, or give it another category");
            if (options.RequireSignature && !IsExempt(package))
                throw Refused(package, "it is not signed, and plugins.requireSignature is on", "Sign it with `nexus plugin sign`, or name its folder under plugins.trust.directories if what lies there is to run as it is");
            return;
        }

        var keys = await KeysAsync(cancellationToken);
        var signer = Signer(package, signature, keys, revoked, out var unknown);
        if (signer is null)
        {
            if ((options.RequireSignature && !IsExempt(package)) || (arrival.OfThePlatform && !IsPlaced(package)))
                throw unknown!;
            return;
        }

        var now = time.GetUtcNow();
        if (signer.ValidUntil is { } until && PackageSignature.Time(until) < (arrival.New ? now : PackageSignature.Time(signature.SignedAt)))
            throw Refused(package, $"the key {signer.KeyId} ({signer.Name}) that signed it was valid until {until}", "Get the package signed with the publisher's present key");
        if (arrival.New && signature.ExpiresAt is { } end && PackageSignature.Time(end) < now)
            throw Refused(package, $"its signature expired on {end}", "Get a package that is signed anew from its publisher");
        if (!SigningKey.Verify(signer.PublicKey, signature.Message(contentHash), signature.Signature))
            throw Refused(package, $"its signature is not that of {signer.KeyId} ({signer.Name}) over this content: the package or its signature was altered", "Get the package from its publisher again");
        if (digest is not null && signature.Archive != digest)
            throw Refused(package, "its signature is that of another archive: entries or headers were changed after it was signed", "Get the package from its publisher again");
    }

    /// <summary>Trusted keys: those of the folder and those of the configuration.</summary>
    public async Task<ImmutableArray<TrustedKey>> KeysAsync(CancellationToken cancellationToken) =>
        [.. await Folder.KeysAsync(cancellationToken), .. options.Trust.Keys.Select(k => new TrustedKey(SigningKey.IdOf(k), "plugins.trust.keys", k, null, null))];

    private bool IsExempt(string package) => IsBelow(package, options.Trust.Directories);

    /// <summary>Its operator put it where the node looks for plugins, or named its folder: nobody could do that from outside.</summary>
    private bool IsPlaced(string package) => IsExempt(package) || IsBelow(package, options.Directories);

    private static bool IsBelow(string package, IEnumerable<string> folders) => folders.Any(d =>
        Path.GetFullPath(package).StartsWith(Path.TrimEndingDirectorySeparator(Path.GetFullPath(d)) + Path.DirectorySeparatorChar, StringComparison.Ordinal));

    /// <summary>The key that signed: trusted itself, or certified by a trusted one.</summary>
    private TrustedKey? Signer(string package, PackageSignature signature, ImmutableArray<TrustedKey> keys, Revocations revoked, out NexusException? unknown)
    {
        unknown = null;
        var (id, name, publicKey, until) = (signature.KeyId, "", (string?)null, (string?)null);
        foreach (var certificate in signature.Certificates.Prepend(null))
        {
            if (certificate is not null)
            {
                if (certificate.KeyId != id || SigningKeyId(certificate) != id)
                    throw Refused(package, $"the certificate of {certificate.Name} is not for the key {id}", "Sign it again with the certificates in order, the signing key's first");
                (name, publicKey, until) = publicKey is null ? (certificate.Name, certificate.PublicKey, certificate.ValidUntil) : (name, publicKey, Earlier(until!, certificate.ValidUntil));
                id = certificate.Issuer;
            }

            if (revoked.Keys.FirstOrDefault(k => k.Id == id) is { } gone)
                throw Refused(package, $"the key {id} was revoked on {gone.At} ({gone.Reason})", "Get the package signed with another key of its publisher");
            if (keys.FirstOrDefault(k => k.KeyId == id) is not { } trusted)
                continue;
            return publicKey is null ? trusted : Certified(package, signature, trusted, new TrustedKey(signature.KeyId, name, publicKey, null, trusted.ValidUntil is { } end ? Earlier(until!, end) : until));
        }

        unknown = Refused(package, $"the key {signature.KeyId} that signed it is not trusted here", $"If you trust its publisher, add the key with `nexus plugin trust add`; in {Folder.Folder} are {(keys.IsEmpty ? "none" : string.Join(", ", keys.Select(k => $"{k.KeyId} ({k.Name})")))}");
        return null;
    }

    /// <summary>Checks every certificate up to the trusted key.</summary>
    private static TrustedKey Certified(string package, PackageSignature signature, TrustedKey trusted, TrustedKey signer)
    {
        for (var i = 0; i < signature.Certificates.Length; i++)
        {
            var certificate = signature.Certificates[i];
            var issuer = certificate.Issuer == trusted.KeyId ? trusted.PublicKey : i + 1 < signature.Certificates.Length ? signature.Certificates[i + 1].PublicKey : "";
            if (!SigningKey.Verify(issuer, certificate.Message(), certificate.Signature))
                throw Refused(package, $"the key {certificate.Issuer} did not certify {certificate.KeyId} ({certificate.Name})", "Get the package from its publisher again");
            if (certificate.Issuer == trusted.KeyId)
                break;
        }

        return signer;
    }

    private static string SigningKeyId(KeyCertificate certificate)
    {
        try
        {
            return SigningKey.IdOf(certificate.PublicKey);
        }
        catch (FormatException)
        {
            return "";
        }
    }

    private static string Earlier(string one, string other) => string.CompareOrdinal(one, other) < 0 ? one : other;

    private static NexusException Refused(string package, string rule, string wayOut) => new(ErrorCodes.PluginUntrusted, $"{package}: {rule}. {wayOut}.");
}

/// <summary>How a package comes.</summary>
/// <param name="New">It is being installed; one that was accepted before outlives the end of its signature.</param>
/// <param name="OfThePlatform">It says that it is a part of the platform.</param>
internal readonly record struct Arrival(bool New, bool OfThePlatform);
