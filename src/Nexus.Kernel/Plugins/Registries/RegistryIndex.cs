using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using NuGet.Versioning;

namespace Nexus.Kernel.Plugins.Registries;

/// <summary>The file <c>index.json</c> of a registry: a static list of packages beside it, so that any web server can be one.</summary>
internal static partial class RegistryIndex
{
    public const string FileName = "index.json";

    /// <summary>Greatest size of an index, in bytes.</summary>
    public const int MaxBytes = 32 * 1024 * 1024;

    /// <exception cref="NexusException"><c>SERVICE_UNAVAILABLE</c> with the entry that is wrong.</exception>
    public static ImmutableArray<PluginOffer> Read(ReadOnlySpan<byte> utf8, string registry)
    {
        try
        {
            var index = JsonSerializer.Deserialize(utf8, IndexJson.Default.Index);
            if (index is not { Format: 1, Packages.IsDefault: false })
                throw new JsonException("it is not of format 1");
            foreach (var offer in index.Packages)
                Check(offer);
            return [.. index.Packages.Select(p => p with { Repository = registry, Tags = p.Tags.IsDefault ? [] : p.Tags })];
        }
        catch (JsonException e)
        {
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"{registry}: {FileName} cannot be read: {e.Message} Publish a package with `nexus plugin publish` to write it anew.", e);
        }
    }

    public static byte[] Write(IEnumerable<PluginOffer> packages) => JsonSerializer.SerializeToUtf8Bytes(
        new Index(1, [.. packages.Select(p => p with { Repository = "" }).OrderBy(p => p.Name, StringComparer.Ordinal).ThenByDescending(p => NuGetVersion.Parse(p.Version))]),
        IndexJson.Default.Index);

    /// <summary>An entry's file is a plain name below the registry: an index cannot point a node elsewhere.</summary>
    private static void Check(PluginOffer offer)
    {
        if (!NuGetVersion.TryParse(offer.Version, out _))
            throw new JsonException($"{offer.Name} has the version '{offer.Version}', which is not SemVer");
        if (Schemas.SchemaFormats.Check("relative-path", offer.File) is { } problem || offer.File.Contains('?', StringComparison.Ordinal) || offer.File.Contains('#', StringComparison.Ordinal) || offer.File.Contains('%', StringComparison.Ordinal))
            throw new JsonException($"the file '{offer.File}' of {offer.Name} does not lie below the registry");
        if (offer.Sha256.Length != 64 || !offer.Sha256.All(char.IsAsciiHexDigitLower) || offer.Size is < 1 or > PackageContent.MaxBytes)
            throw new JsonException($"{offer.Name} {offer.Version} has no valid sha256 and size");
    }

    internal sealed record Index(int Format, ImmutableArray<PluginOffer> Packages);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true, NewLine = "\n", DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(Index))]
    private sealed partial class IndexJson : JsonSerializerContext;
}
