using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Notifications;

/// <summary>What of the notifications a person has seen, in the document tree at <c>core/notifications/{digest of the person's id}</c>: all up to a moment, and some after it.</summary>
internal sealed partial class NotificationMarks(IServiceProvider host, TimeProvider time)
{
    private const int Tries = 10;

    /// <summary>The marks of a caller.</summary>
    public async ValueTask<Seen> ReadAsync(CallContext caller, CancellationToken cancellationToken) => (await FindAsync(caller, cancellationToken)).Seen;

    /// <summary>Marks what is named as seen; null marks all that there is. Only ids of what is told now are kept, so that the marks never grow beyond it.</summary>
    public async ValueTask<Seen> MarkAsync(CallContext caller, ImmutableArray<Notification> told, IReadOnlySet<string>? ids, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var (stored, seen) = await FindAsync(caller, cancellationToken);
            var next = ids is null
                ? new Seen(told.IsEmpty ? seen.Through : told[0].At, [])
                : new Seen(seen.Through, [.. told.Where(n => ids.Contains(n.Id) || seen.Ids.Contains(n.Id)).Select(n => n.Id)]);
            if (host.GetService<IStorage>() is not { } storage)
                return next;
            var now = time.GetUtcNow();
            var record = new StoredRecord { Id = Key(caller).Id, Revision = (stored?.Revision ?? 0) + 1, CreatedAt = stored?.CreatedAt ?? now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(next, SeenJson.Default.Seen) };
            try
            {
                await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key(caller), ExpectedRevision = stored?.Revision ?? 0, Record = record }] }, cancellationToken);
                return next;
            }
            catch (StorageConflictException) when (tries < Tries)
            {
                // Two windows of one person: look again.
            }
        }
    }

    /// <summary>Forgets the marks of a person who is gone.</summary>
    public async ValueTask ForgetAsync(string tenant, string person, CancellationToken cancellationToken)
    {
        if (host.GetService<IStorage>() is { } storage)
            await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key(tenant, person) }] }, cancellationToken);
    }

    private async ValueTask<(StoredRecord? Stored, Seen Seen)> FindAsync(CallContext caller, CancellationToken cancellationToken)
    {
        var stored = host.GetService<IStorage>() is { } storage ? await storage.FindAsync(Key(caller), cancellationToken) : null;
        return (stored, stored is null ? new Seen(DateTimeOffset.MinValue, []) : JsonSerializer.Deserialize(stored.Json.Span, SeenJson.Default.Seen)!);
    }

    // Ids of other issuers may hold anything; a digest is one segment of a path, whatever it is of.
    private static RecordKey Key(string tenant, string person) =>
        new(tenant, IStorage.Documents, "core/notifications/" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(person)).AsSpan(0, 16)));

    private static RecordKey Key(CallContext caller) => Key(caller.Tenant, caller.Caller.Id);

    /// <summary>What was seen.</summary>
    /// <param name="Through">All up to this moment.</param>
    /// <param name="Ids">And these.</param>
    internal sealed record Seen(DateTimeOffset Through, ImmutableArray<string> Ids)
    {
        /// <summary>Whether a notification was seen.</summary>
        public bool Has(Notification one) => one.At <= Through || Ids.Contains(one.Id);
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Seen))]
    private sealed partial class SeenJson : JsonSerializerContext;
}
