using System.Collections.Immutable;

namespace Nexus;

/// <summary>A cache in front of the nodes, which keeps public answers with their <c>Cache-Tag</c>. The host registers one for each kind. Thread-safe.</summary>
public interface IEdgeCache
{
    /// <summary>Has it forget answers with any of these tags, as <c>Cache-Tag</c> tells them; <c>*</c> stands for all. Throws when it could not be told; it is tried again.</summary>
    ValueTask PurgeAsync(ImmutableArray<string> tags, CancellationToken cancellationToken);
}
