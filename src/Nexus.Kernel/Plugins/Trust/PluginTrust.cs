using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Kernel.Plugins.Trust;

/// <summary>A key whose packages are trusted.</summary>
/// <param name="KeyId">The first 32 hex digits of the SHA-256 of the public key.</param>
/// <param name="Name">Whose it is, for people.</param>
/// <param name="PublicKey">ECDSA P-256, SubjectPublicKeyInfo, base64.</param>
/// <param name="AddedAt">When it was added; null for one of the configuration.</param>
/// <param name="ValidUntil">Packages signed later, or arriving later, are refused; null for no end.</param>
public sealed record TrustedKey(string KeyId, string Name, string PublicKey, string? AddedAt, string? ValidUntil);

/// <summary>What the signature of a package says.</summary>
/// <param name="Id">The plugin.</param>
/// <param name="Version">Its version.</param>
/// <param name="ContentHash">Hash of its file list.</param>
/// <param name="KeyId">Key that signed; null for an unsigned package.</param>
/// <param name="SignedAt">When; null for an unsigned package.</param>
public sealed record PackageVerdict(string Id, string Version, string ContentHash, string? KeyId, string? SignedAt);

/// <summary>Signing, verifying and trusting packages without a running node.</summary>
public static class PluginTrust
{
    /// <summary>Makes a key: <c>{file}</c> with the private key, readable by its owner only, and <c>{file}.pub</c> with the public one.</summary>
    /// <returns>The public key.</returns>
    public static async Task<TrustedKey> GenerateAsync(string file, string name, CancellationToken cancellationToken = default)
    {
        using var key = SigningKey.Generate();
        try
        {
            key.Save(file);
        }
        catch (IOException e)
        {
            throw new NexusException(ErrorCodes.Conflict, $"{file} cannot be written: {e.Message} A key is never replaced; name another file.", e);
        }

        var trusted = new TrustedKey(key.Id, name, key.PublicKey, null, null);
        await File.WriteAllTextAsync(file + ".pub", JsonSerializer.Serialize(trusted, JsonSerializerOptions.Web), cancellationToken);
        return trusted;
    }

    /// <summary>Signs a package in place.</summary>
    /// <param name="package">A <c>.nxp</c> file.</param>
    /// <param name="keyFile">The private key.</param>
    /// <param name="expires">From then on it is not installed any more; null for never.</param>
    /// <param name="certificateFiles">How a trusted key vouches for this one, from the signing key's on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static async Task<PackageVerdict> SignAsync(string package, string keyFile, DateTimeOffset? expires = null, IReadOnlyList<string>? certificateFiles = null, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        using var key = SigningKey.Load(keyFile);
        var certificates = ImmutableArray.CreateBuilder<KeyCertificate>();
        foreach (var file in certificateFiles ?? [])
            certificates.Add(await ReadAsync<KeyCertificate>(file, "a certificate", cancellationToken));
        var manifest = await PluginPackages.ValidateAsync(package, cancellationToken);
        var bytes = await File.ReadAllBytesAsync(package, cancellationToken);
        var hash = (await PackageArchive.ExtractAsync(package, new MemoryStream(bytes), null, cancellationToken)).Content.Hash();
        var now = (time ?? TimeProvider.System).GetUtcNow();
        PackageSignature? last = null;
        var signed = SignedArchive.Sign(bytes, package, digest => last = key.Sign(hash, digest, now, expires, certificates.ToImmutable()));
        await DurableFiles.ReplaceAsync(package, signed, cancellationToken);
        return new PackageVerdict(manifest.Name, manifest.Version, hash, key.Id, last!.SignedAt);
    }

    /// <summary>Checks a package as a node that asks for signatures would.</summary>
    /// <param name="package">A <c>.nxp</c> file.</param>
    /// <param name="options">The node's settings; its <c>trust</c> folder lies below <see cref="PluginsOptions.DataDirectory"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException"><c>PLUGIN_UNTRUSTED</c> or <c>PLUGIN_PACKAGE_INVALID</c>.</exception>
    public static async Task<PackageVerdict> VerifyAsync(string package, PluginsOptions options, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var manifest = await PluginPackages.ValidateAsync(package, cancellationToken);
        await using var file = PackageFolder.Open(package);
        var opened = await PackageArchive.ExtractAsync(package, file, null, cancellationToken);
        options.RequireSignature = true;
        await new PackageTrust(options, time ?? TimeProvider.System).CheckAsync(package, opened.Content.Hash(), opened.Signature, opened.Digest, new Arrival(true, false), cancellationToken);
        return new PackageVerdict(manifest.Name, manifest.Version, opened.Content.Hash(), opened.Signature?.KeyId, opened.Signature?.SignedAt);
    }

    /// <summary>Vouches for a new key with an old one, for <c>sign --certificate</c>.</summary>
    /// <param name="publicKeyFile">The new key's <c>.pub</c> file.</param>
    /// <param name="issuerKeyFile">The old private key.</param>
    /// <param name="until">The new key's signatures count until then.</param>
    /// <param name="output">File to write.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static async Task<TrustedKey> CertifyAsync(string publicKeyFile, string issuerKeyFile, DateTimeOffset until, string output, CancellationToken cancellationToken = default)
    {
        using var issuer = SigningKey.Load(issuerKeyFile);
        var key = await ReadAsync<TrustedKey>(publicKeyFile, "a public key", cancellationToken);
        var certificate = issuer.Certify(key.PublicKey, key.Name, until);
        await File.WriteAllTextAsync(output, JsonSerializer.Serialize(certificate, JsonSerializerOptions.Web), cancellationToken);
        return key with { ValidUntil = certificate.ValidUntil };
    }

    /// <summary>Trusts the key of a <c>.pub</c> file.</summary>
    public static async Task<TrustedKey> TrustAsync(PluginsOptions options, string publicKeyFile, DateTimeOffset? until = null, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        var key = await ReadAsync<TrustedKey>(publicKeyFile, "a public key", cancellationToken);
        key = key with { KeyId = SigningKey.IdOf(key.PublicKey), AddedAt = PackageSignature.Text((time ?? TimeProvider.System).GetUtcNow()), ValidUntil = until is { } end ? PackageSignature.Text(end) : key.ValidUntil };
        await Folder(options).AddAsync(key, cancellationToken);
        return key;
    }

    /// <summary>The keys that a node trusts.</summary>
    public static Task<ImmutableArray<TrustedKey>> ListAsync(PluginsOptions options, CancellationToken cancellationToken = default) =>
        new PackageTrust(options, TimeProvider.System).KeysAsync(cancellationToken);

    /// <summary>Trusts a key no longer; what is installed already runs on.</summary>
    /// <returns>False when it was not trusted.</returns>
    public static bool Remove(PluginsOptions options, string keyId) => Folder(options).Remove(keyId);

    /// <summary>Refuses a key, or the content hash of a package, from now on, also what is installed already and starts again.</summary>
    public static Task RevokeAsync(PluginsOptions options, string id, string reason, TimeProvider? time = null, CancellationToken cancellationToken = default) =>
        Folder(options).RevokeAsync(id, reason, (time ?? TimeProvider.System).GetUtcNow(), cancellationToken);

    private static TrustFolder Folder(PluginsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new PackageTrust(options, TimeProvider.System).Folder;
    }

    private static async Task<T> ReadAsync<T>(string file, string what, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            var read = JsonSerializer.Deserialize<T>(await File.ReadAllBytesAsync(file, cancellationToken), Strict) ?? throw new JsonException("it is null");
            if (read is TrustedKey key)
                SigningKey.IdOf(key.PublicKey);
            return read;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or FormatException)
        {
            throw new NexusException(ErrorCodes.PluginUntrusted, $"{file} is not {what}: {e.Message}", e);
        }
    }

    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };
}
