using System.Collections.Immutable;

namespace Nexus;

/// <summary>Everything that is stored of one tenant, over all plugins. Thread-safe.</summary>
public interface ITenantStore
{
    /// <summary>Writes a ZIP file: <c>manifest.json</c> with the counts, <c>records/{table}.ndjson</c>, <c>events.ndjson</c>, <c>sql/{plugin}.db</c> (of a server engine <c>sql/{plugin}/{table}.ndjson</c>) and <c>blobs/{plugin}/{sha256}</c>. Records and events are of one moment. Fields that are encrypted at rest are written as <c>"***"</c>; stored answers to idempotent requests are left out.</summary>
    ValueTask<TenantContents> ExportAsync(string tenant, Stream target, CancellationToken cancellationToken);

    /// <summary>Names of the tables that hold records or documents of a tenant, sorted; without the stored answers to idempotent requests.</summary>
    ValueTask<ImmutableArray<string>> ListTablesAsync(string tenant, CancellationToken cancellationToken);

    /// <summary>Deletes everything of a tenant: records, documents, events, answers, SQL databases and blobs. What is not there is passed over, so that a deletion that was cut off can be run again.</summary>
    /// <exception cref="NexusException"><c>RULE_VIOLATION</c>: the default tenant cannot be deleted.</exception>
    ValueTask<TenantContents> DeleteAsync(string tenant, CancellationToken cancellationToken);
}

/// <summary>How much there is of a tenant.</summary>
/// <param name="Records">Records and documents by table.</param>
/// <param name="Events">Events.</param>
/// <param name="Databases">Plugins with an SQL database of the tenant.</param>
/// <param name="Blobs">Blobs.</param>
public sealed record TenantContents(ImmutableSortedDictionary<string, long> Records, long Events, ImmutableArray<string> Databases, long Blobs);
