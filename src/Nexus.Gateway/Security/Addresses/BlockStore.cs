using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>Blocked addresses as documents of the node's own tenant, <c>core/security/blocks/{address}</c>. A host without storage keeps none; a storage that does not answer leaves what is in memory in force.</summary>
internal sealed partial class BlockStore(IServiceProvider host, TimeProvider time, ILogger<BlockStore> log)
{
    /// <summary>Where blocks are, in the document tree.</summary>
    public const string Folder = "core/security/blocks/";
    private readonly Lazy<IStorage?> found = new(host.GetService<IStorage>);
    private long missed;

    /// <summary>Whether everything that was blocked since the start has been stored.</summary>
    public bool IsKept => found.Value is not null && Volatile.Read(ref missed) == 0;

    /// <summary>Every stored block, by the key under which addresses are counted.</summary>
    public async Task<Dictionary<ulong, AddressBlock>> ReadAsync(CancellationToken cancellationToken)
    {
        var blocks = new Dictionary<ulong, AddressBlock>();
        string? cursor = null;
        while (found.Value is { } storage)
        {
            var page = await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = IStorage.Documents, KeyPrefix = Folder, Limit = 1000, Cursor = cursor }, cancellationToken);
            foreach (var record in page.Records)
            {
                if (ulong.TryParse(record.Id.AsSpan(Folder.Length), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var key) && JsonSerializer.Deserialize<AddressBlock>(record.Json.Span, JsonSerializerOptions.Web) is { } block)
                    blocks[key] = block;
            }

            cursor = page.NextCursor;
            if (cursor is null)
                break;
        }

        return blocks;
    }

    /// <summary>Stores a block, or removes it when it is null.</summary>
    public async Task SetAsync(ulong key, AddressBlock? block)
    {
        if (found.Value is not { } storage)
            return;
        try
        {
            var place = Place(key);
            var now = time.GetUtcNow();
            var record = block is null ? null : new StoredRecord { Id = place.Id, Revision = 1, CreatedAt = now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(block, JsonSerializerOptions.Web) };
            await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = place, Record = record }] }, CancellationToken.None);
        }
        catch (NexusException exception)
        {
            Interlocked.Increment(ref missed);
            TellNotStored(log, exception.Message);
        }
    }

    /// <summary>Removes a block that is over, unless another has taken its place.</summary>
    public async Task RemoveAsync(ulong key, AddressBlock over, CancellationToken cancellationToken)
    {
        if (found.Value is not { } storage || await storage.FindAsync(Place(key), cancellationToken) is not { } record || JsonSerializer.Deserialize<AddressBlock>(record.Json.Span, JsonSerializerOptions.Web) != over)
            return;
        try
        {
            await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Place(key), ExpectedRevision = record.Revision }] }, cancellationToken);
        }
        catch (StorageConflictException)
        {
            // The address was blocked anew meanwhile.
        }
    }

    private static RecordKey Place(ulong key) => new(CallContext.DefaultTenant, IStorage.Documents, Folder + key.ToString("x16", CultureInfo.InvariantCulture));

    [LoggerMessage(11, LogLevel.Warning, "A block of an address holds in memory only: {Reason}")]
    private static partial void TellNotStored(ILogger log, string reason);
}
