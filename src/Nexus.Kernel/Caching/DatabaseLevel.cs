using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.IO.Enumeration;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus.Kernel.Caching;

/// <summary>The last level: the node's own database, in the document tree at <c>shared/cache/{key}</c>. What has ended is removed by <see cref="SweepAsync"/>.</summary>
internal sealed partial class DatabaseLevel(IStorage storage, TimeProvider time) : ICacheLevel
{
    public const string Name = "database";
    private const string Folder = "shared/cache/";
    private const int Tries = 50;

    public async ValueTask<CacheAnswer> FindAsync(string key, TimeSpan claim, CancellationToken cancellationToken)
    {
        if (await storage.FindAsync(At(key), cancellationToken) is not { } stored)
            return new CacheAnswer(null, claim > TimeSpan.Zero ? "0" : null);
        var (entry, now) = (Read(stored), time.GetUtcNow());
        // Everybody may load; the first to store wins, as the revision is the claim.
        var free = claim > TimeSpan.Zero && entry.Until <= now ? stored.Revision.ToString(CultureInfo.InvariantCulture) : null;
        if (entry.Until + entry.Stale <= now)
            return new CacheAnswer(null, free);
        return new CacheAnswer(new CacheRecord(entry.Value, entry.Until - now, entry.Whole, entry.Stale, [.. entry.Tags.Select(t => new CacheTag(t.Key, t.Value))]), free);
    }

    public async ValueTask<bool> StoreAsync(string key, CacheRecord? record, string? claim, CancellationToken cancellationToken)
    {
        if (record is null)
            return true;
        var entry = new Entry(record.Value.ToArray(), time.GetUtcNow() + record.Life, record.Whole, record.Stale, record.Tags.ToDictionary(t => t.Name, t => t.Token, StringComparer.Ordinal));
        if (claim is not null)
        {
            var current = await storage.FindAsync(At(key), cancellationToken);
            return long.Parse(claim, CultureInfo.InvariantCulture) == (current?.Revision ?? 0) && await WriteAsync(key, current, entry, cancellationToken);
        }
        for (var i = 0; i < Tries; i++)
        {
            if (await WriteAsync(key, await storage.FindAsync(At(key), cancellationToken), entry, cancellationToken))
                return true;
        }
        return false;
    }

    public async ValueTask<long> RemoveAsync(CacheRemoval removal, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(removal);
        long removed = 0;
        var keys = removal.Keys.ToList();
        if (removal.Pattern is { } pattern)
            await foreach (var stored in AllAsync(cancellationToken))
            {
                if (FileSystemName.MatchesSimpleExpression(pattern, KeyOf(stored), ignoreCase: false))
                    keys.Add(KeyOf(stored));
            }
        foreach (var key in keys)
        {
            for (var i = 0; i < Tries && await storage.FindAsync(At(key), cancellationToken) is { } stored; i++)
            {
                if (await WriteAsync(key, stored, null, cancellationToken))
                {
                    removed++;
                    break;
                }
            }
        }
        return removed;
    }

    public async ValueTask<long> AddAsync(string key, long by, TimeSpan life, CancellationToken cancellationToken)
    {
        for (var i = 0; i < Tries; i++)
        {
            var stored = await storage.FindAsync(At(key), cancellationToken);
            var before = stored is null || Read(stored) is { } known && known.Until <= time.GetUtcNow() ? null : Read(stored);
            var sum = by + (before is not null && long.TryParse(before.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var was) ? was : 0);
            var entry = new Entry(System.Text.Encoding.UTF8.GetBytes(sum.ToString(CultureInfo.InvariantCulture)), before?.Until ?? time.GetUtcNow() + life, life, TimeSpan.Zero, []);
            if (await WriteAsync(key, stored, entry, cancellationToken))
                return sum;
        }
        throw new NexusException(ErrorCodes.Conflict, $"Others kept changing {key}.");
    }

    public async ValueTask<CacheLevelState> LookAsync(CancellationToken cancellationToken)
    {
        var begun = Stopwatch.GetTimestamp();
        var page = await storage.QueryAsync(All(null) with { Limit = 1, Count = true }, cancellationToken);
        return new CacheLevelState(page.Total, null, Stopwatch.GetElapsedTime(begun));
    }

    /// <summary>Removes what has ended.</summary>
    public async ValueTask SweepAsync(CancellationToken cancellationToken)
    {
        await foreach (var stored in AllAsync(cancellationToken))
        {
            if (Read(stored) is var entry && entry.Until + entry.Stale <= time.GetUtcNow())
                await WriteAsync(KeyOf(stored), stored, null, cancellationToken);
        }
    }

    private static RecordKey At(string key) => new(CallContext.DefaultTenant, IStorage.Documents, Folder + key);

    private static string KeyOf(StoredRecord stored) => stored.Id[Folder.Length..];

    private static RecordQuery All(string? cursor) => new() { Tenant = CallContext.DefaultTenant, Table = IStorage.Documents, KeyPrefix = Folder, Limit = 500, Cursor = cursor };

    private static Entry Read(StoredRecord stored) => JsonSerializer.Deserialize(stored.Json.Span, LevelJson.Default.Entry)!;

    private async IAsyncEnumerable<StoredRecord> AllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var page = await storage.QueryAsync(All(cursor), cancellationToken);
            foreach (var record in page.Records)
                yield return record;
            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    /// <summary>Writes, or removes; false when another writer was faster.</summary>
    private async ValueTask<bool> WriteAsync(string key, StoredRecord? before, Entry? entry, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        try
        {
            await storage.CommitAsync(new WriteBatch
            {
                Writes =
                [
                    new RecordWrite
                    {
                        Key = At(key),
                        ExpectedRevision = before?.Revision ?? 0,
                        Record = entry is null ? null : new StoredRecord { Id = Folder + key, Revision = (before?.Revision ?? 0) + 1, CreatedAt = before?.CreatedAt ?? now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(entry, LevelJson.Default.Entry) },
                    },
                ],
            }, cancellationToken);
            return true;
        }
        catch (StorageConflictException)
        {
            return false;
        }
    }

    internal sealed record Entry(byte[] Value, DateTimeOffset Until, TimeSpan Whole, TimeSpan Stale, Dictionary<string, string> Tags);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Entry))]
    private sealed partial class LevelJson : JsonSerializerContext;
}
