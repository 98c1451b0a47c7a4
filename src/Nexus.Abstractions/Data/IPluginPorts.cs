using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>Each room registers one in the host; the kernel asks them all when it builds a generation's container, so that a plugin gets its own <see cref="IDocuments"/>, <see cref="IEvents"/>, … without any room knowing another.</summary>
public interface IPluginPorts
{
    /// <summary>Adds this room's ports for one plugin, by instance or factory. Must not capture types of the plugin.</summary>
    void Add(IServiceCollection services, PluginPortContext context);
}

/// <summary>What a room knows of the generation it serves.</summary>
/// <param name="Manifest">Its manifest.</param>
/// <param name="Generation">Its number.</param>
/// <param name="Schema">Its begun schema change, whose database it sees; null when it has neither tables nor migrations.</param>
/// <param name="Lease">Its lease.</param>
public sealed record PluginPortContext(PluginManifest Manifest, long Generation, ISchemaChange? Schema, IGeneration Lease)
{
    /// <summary>Whether it declared that it seals the audit trail.</summary>
    public bool SealsAudit { get; init; }

    /// <summary>Services besides its id under which it keeps values in the cache.</summary>
    public ImmutableArray<string> CacheNames { get; init; } = [];
}
