using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Nexus.Gateway.GraphQL.Execution;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>
/// Documents that requests name instead of sending them: trusted ones, which an operator puts into a folder, by <c>documentId</c> (name of the file,
/// or <c>sha256:</c> and its hash); and those that clients sent before, by their hash.
/// </summary>
internal sealed class KeptDocuments(IOptionsMonitor<GraphQLOptions> options)
{
    private const int MaxKept = 1000;
    private const int MaxLength = 20_000;
    private readonly ConcurrentDictionary<string, string> kept = new(StringComparer.Ordinal);
    private volatile Folder trusted = new("", FrozenDictionary<string, string>.Empty);

    /// <summary>The document that a request means.</summary>
    /// <exception cref="GraphException">It is not known, or only trusted ones are executed.</exception>
    public string Find(GraphQLRequest request)
    {
        var settings = options.CurrentValue;
        if (request.DocumentId is { } id)
            return Trusted(settings).GetValueOrDefault(id) ?? throw new GraphException("There is no trusted document of this id.") { Code = ErrorCodes.ResourceNotFound };
        if (settings.TrustedOnly)
        {
            return request.Hash is { } known && Trusted(settings).TryGetValue("sha256:" + known.ToLowerInvariant(), out var document)
                ? document
                : throw new GraphException("This node executes trusted documents only; name one by `documentId`.") { Code = ErrorCodes.PermissionDenied };
        }
        if (request.Hash is not { } hash)
            return request.Query!;
        if (request.Query is not { } query)
            return kept.GetValueOrDefault(hash) ?? throw new GraphException("PersistedQueryNotFound") { Code = ErrorCodes.ResourceNotFound };
        if (!string.Equals(HashOf(query), hash, StringComparison.OrdinalIgnoreCase))
            throw new GraphException("provided sha does not match query");
        if (query.Length <= MaxLength && kept.Count < MaxKept)
            kept[hash] = query;
        return query;
    }

    private FrozenDictionary<string, string> Trusted(GraphQLOptions settings)
    {
        if (settings.Documents.Length == 0)
            return FrozenDictionary<string, string>.Empty;
        if (trusted is { } known && known.Path == settings.Documents)
            return known.Documents;
        var documents = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(settings.Documents, "*.graphql").Order(StringComparer.Ordinal))
        {
            var text = File.ReadAllText(file);
            documents[Path.GetFileNameWithoutExtension(file)] = documents["sha256:" + HashOf(text)] = text;
        }
        return (trusted = new Folder(settings.Documents, documents.ToFrozenDictionary(StringComparer.Ordinal))).Documents;
    }

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The documents of one folder.</summary>
    private sealed record Folder(string Path, FrozenDictionary<string, string> Documents);
}
