using System.Text.Json;

namespace Nexus.Kernel.Nodes.Rolling;

/// <summary>What the nodes of a storage agreed on, in its document tree. Every change is made on the state it was decided on. Thread-safe.</summary>
internal sealed class ClusterPlugins(IStorage storage, TimeProvider time)
{
    /// <summary>Beginning of all its documents.</summary>
    public const string Prefix = "core/cluster/plugins/";

    /// <summary>All of them, by id.</summary>
    public async Task<List<ClusterPlugin>> ListAsync(CancellationToken cancellationToken)
    {
        var found = new List<ClusterPlugin>();
        string? cursor = null;
        do
        {
            var page = await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = IStorage.Documents, KeyPrefix = Prefix, Limit = 200, Cursor = cursor }, cancellationToken);
            found.AddRange(page.Records.Select(Parse));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        found.Sort((a, b) => string.CompareOrdinal(a.Id, b.Id));
        return found;
    }

    /// <summary>One, or null.</summary>
    public async Task<ClusterPlugin?> FindAsync(string id, CancellationToken cancellationToken) =>
        await storage.FindAsync(Key(id), cancellationToken) is { } stored ? Parse(stored) : null;

    /// <summary>Changes one; the decision is made anew when another node came in between.</summary>
    /// <param name="id">The plugin.</param>
    /// <param name="decide">Makes the next state of the current one, null when there is none; answers null when there is nothing to change.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>The state afterwards.</returns>
    public async Task<ClusterPlugin?> ChangeAsync(string id, Func<ClusterPlugin?, ClusterPlugin?> decide, CancellationToken cancellationToken)
    {
        while (true)
        {
            var stored = await storage.FindAsync(Key(id), cancellationToken);
            var current = stored is null ? null : Parse(stored);
            if (decide(current) is not { } next)
                return current;
            var now = time.GetUtcNow();
            var record = new StoredRecord { Id = Key(id).Id, Revision = (stored?.Revision ?? 0) + 1, CreatedAt = stored?.CreatedAt ?? now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(next, ClusterJson.Default.ClusterPlugin) };
            try
            {
                await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key(id), Record = record, ExpectedRevision = stored?.Revision ?? 0 }] }, cancellationToken);
                return next;
            }
            catch (StorageConflictException)
            {
                // Another node was quicker: decide on what it left.
            }
        }
    }

    private static RecordKey Key(string id) => new(CallContext.DefaultTenant, IStorage.Documents, Prefix + id);

    private static ClusterPlugin Parse(StoredRecord stored) => JsonSerializer.Deserialize(stored.Json.Span, ClusterJson.Default.ClusterPlugin)
        ?? throw new NexusException(ErrorCodes.StorageCorrupt, $"The stored document {stored.Id} is null; delete it.");
}
