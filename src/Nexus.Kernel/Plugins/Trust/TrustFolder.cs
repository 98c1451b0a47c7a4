using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus.Kernel.Plugins.Trust;

/// <summary>What an operator trusts, in the folder <c>trust</c> of the node's data: one file a trusted key, and <c>revoked.json</c>. Read at each use, so that a change counts at once.</summary>
internal sealed partial class TrustFolder(string folder)
{
    private const string Revoked = "revoked.json";
    private const string KeySuffix = ".key.json";

    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>Trusted keys, by id.</summary>
    public async Task<ImmutableArray<TrustedKey>> KeysAsync(CancellationToken cancellationToken)
    {
        if (!Directory.Exists(Folder))
            return [];
        var keys = ImmutableArray.CreateBuilder<TrustedKey>();
        foreach (var file in Directory.EnumerateFiles(Folder, "*" + KeySuffix).Order(StringComparer.Ordinal))
        {
            var key = await ReadAsync(file, TrustJson.Default.TrustedKey, cancellationToken);
            // A file says which key it is by its name and by the key itself; both must agree.
            if (IdOf(key.PublicKey, file) != key.KeyId)
                throw Unreadable(file, "its keyId is not that of its publicKey");
            keys.Add(key);
        }

        return keys.DrainToImmutable();
    }

    /// <summary>What is not trusted any more, whoever vouches for it.</summary>
    public async Task<Revocations> RevokedAsync(CancellationToken cancellationToken)
    {
        var file = Path.Combine(Folder, Revoked);
        return File.Exists(file) ? await ReadAsync(file, TrustJson.Default.Revocations, cancellationToken) : new Revocations([], []);
    }

    public async Task AddAsync(TrustedKey key, CancellationToken cancellationToken)
    {
        IdOf(key.PublicKey, "the key");
        Directory.CreateDirectory(Folder);
        await DurableFiles.ReplaceAsync(Path.Combine(Folder, key.KeyId + KeySuffix), JsonSerializer.SerializeToUtf8Bytes(key, TrustJson.Default.TrustedKey), cancellationToken);
    }

    /// <returns>False when the key was not there.</returns>
    public bool Remove(string keyId)
    {
        var file = Path.Combine(Folder, keyId + KeySuffix);
        if (keyId.Length != 32 || !keyId.All(char.IsAsciiHexDigitLower) || !File.Exists(file))
            return false;
        File.Delete(file);
        DurableFiles.SyncFolder(Folder);
        return true;
    }

    /// <summary>Revokes a key (32 hex digits) or the content hash of a package (64).</summary>
    public async Task RevokeAsync(string id, string reason, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var revoked = await RevokedAsync(cancellationToken);
        var entry = new Revocation(id, reason, PackageSignature.Text(now));
        var next = id.Length switch
        {
            32 when id.All(char.IsAsciiHexDigitLower) => revoked with { Keys = [.. revoked.Keys.Where(k => k.Id != id), entry] },
            64 when id.All(char.IsAsciiHexDigitLower) => revoked with { Packages = [.. revoked.Packages.Where(p => p.Id != id), entry] },
            _ => throw new NexusException(ErrorCodes.BadRequest, $"'{id}' is neither the id of a key (32 hex digits) nor the content hash of a package (64); `nexus plugin verify` prints both."),
        };
        Directory.CreateDirectory(Folder);
        await DurableFiles.ReplaceAsync(Path.Combine(Folder, Revoked), JsonSerializer.SerializeToUtf8Bytes(next, TrustJson.Default.Revocations), cancellationToken);
    }

    private static async Task<T> ReadAsync<T>(string file, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> form, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(await File.ReadAllBytesAsync(file, cancellationToken), form) ?? throw new JsonException("it is null");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file, e.Message);
        }
    }

    private static string IdOf(string publicKey, string file)
    {
        try
        {
            return SigningKey.IdOf(publicKey);
        }
        catch (FormatException)
        {
            throw Unreadable(file, "its publicKey is not base64");
        }
    }

    private static NexusException Unreadable(string file, string problem) =>
        new(ErrorCodes.PluginUntrusted, $"{file}: what is trusted cannot be read, so nothing is: {problem} Correct the file, or remove it with `nexus plugin trust remove`.");

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n", RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(TrustedKey))]
    [JsonSerializable(typeof(Revocations))]
    private sealed partial class TrustJson : JsonSerializerContext;
}

/// <summary>What was revoked.</summary>
internal sealed record Revocations(ImmutableArray<Revocation> Keys, ImmutableArray<Revocation> Packages);

/// <summary>One revocation.</summary>
internal sealed record Revocation(string Id, string Reason, string At);
