using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Protection;

/// <summary>
/// Brings the fields of tenants under their present key, a page of records at a time. A page and how far it has come are one commit, so a crash repeats nothing and leaves nothing out.
/// A record that a caller changes meanwhile is left to him. Who sealed a value before the rotation may write it after its page was passed, so a table is passed
/// until a pass finds nothing, and all of them once more when no node can have the older key in hand.
/// </summary>
internal sealed class FieldReencryption(KeyRing keys, Func<IStorage> storage, Func<ITenantStore?> tenants, TimeProvider time, ILogger log) : BackgroundService, IFieldReencryption
{
    private const string Table = "nexus.reencryption";
    private const int PageSize = 200;

    /// <summary>From a rotation to the last look: until every node knows the new key, and what it had sealed before is written.</summary>
    private static readonly TimeSpan Settled = KeyRing.Fresh + TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);
    private static readonly JsonSerializerOptions Stored = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SemaphoreSlim _wake = new(1);

    public async ValueTask<ImmutableArray<ReencryptionProgress>> ListAsync(CancellationToken cancellationToken)
    {
        var found = ImmutableArray.CreateBuilder<ReencryptionProgress>();
        foreach (var newest in await NewestAsync(cancellationToken))
        {
            var (state, _) = await FindAsync(newest.Tenant, newest.Number, cancellationToken);
            found.Add(new ReencryptionProgress(newest.Tenant, newest.Number, state.FinishedAt is null ? state.Table : null, state.Records, state.Encrypted, state.Unreadable, state.FinishedAt));
        }

        return found.ToImmutable();
    }

    /// <summary>Does what there is to do, to its end.</summary>
    /// <returns>How long until there is to be looked once more; infinite when there is nothing left.</returns>
    public async Task<TimeSpan> RunAsync(CancellationToken cancellationToken)
    {
        var next = Timeout.InfiniteTimeSpan;
        foreach (var newest in await NewestAsync(cancellationToken))
        {
            var (state, revision) = await FindAsync(newest.Tenant, newest.Number, cancellationToken);
            var left = newest.CreatedAt + Settled - time.GetUtcNow();
            if (state.FinishedAt is null || (state.FinishedAt < newest.CreatedAt + Settled && left <= TimeSpan.Zero))
                await RunAsync(newest.Tenant, state, revision, cancellationToken);
            if (left > TimeSpan.Zero && (next < TimeSpan.Zero || left < next))
                next = left;
        }

        return next;
    }

    public override void Dispose()
    {
        keys.Rotated -= Wake;
        _wake.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        keys.Rotated += Wake;
        var wait = Timeout.InfiniteTimeSpan;
        while (!stoppingToken.IsCancellationRequested)
        {
            await _wake.WaitAsync(wait, stoppingToken);
            try
            {
                wait = await RunAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                log.LogWarning("encryption.reencryption_stopped {Reason}; it goes on in {Seconds} s", e.Message, Pause.TotalSeconds);
                await Task.Delay(Pause, time, stoppingToken);
                Wake();
            }
        }
    }

    private void Wake()
    {
        if (_wake.CurrentCount == 0)
            _wake.Release();
    }

    /// <summary>The present data keys of tenants that had another before.</summary>
    private async ValueTask<IEnumerable<StoredKey>> NewestAsync(CancellationToken cancellationToken) =>
        (await keys.ListAsync(cancellationToken)).Where(k => k.Purpose == KeyRing.Data).GroupBy(k => k.Tenant, StringComparer.Ordinal)
            .Select(g => g.MaxBy(k => k.Number)!).Where(k => k.Number > 1).OrderBy(k => k.Tenant, StringComparer.Ordinal);

    private async Task RunAsync(string tenant, State state, long revision, CancellationToken cancellationToken)
    {
        if (tenants() is not { } store)
            return;
        // Stored answers are over within a day, and older keys stay.
        foreach (var table in await store.ListTablesAsync(tenant, cancellationToken))
        {
            if (string.CompareOrdinal(table, state.Table) < 0 || table is Table or KeyRing.Table or IStorage.Answers)
                continue;
            if (table != state.Table)
                state = state with { Table = table, Cursor = null, IsFound = false, IsAgain = state.FinishedAt is not null };
            (state, revision) = await TableAsync(tenant, table, state, revision, cancellationToken);
        }

        state = state with { Table = null, Cursor = null, FinishedAt = time.GetUtcNow() };
        await CommitAsync(tenant, state, revision, [], cancellationToken);
        log.LogInformation("encryption.reencrypted {Tenant} is under key {Key}: {Encrypted} values in {Records} records, {Unreadable} unreadable", tenant, state.Key, state.Encrypted, state.Records, state.Unreadable);
    }

    /// <summary>Passes a table until a pass finds nothing. Only the first pass counts what it looks at.</summary>
    private async Task<(State State, long Revision)> TableAsync(string tenant, string table, State state, long revision, CancellationToken cancellationToken)
    {
        while (true)
        {
            do
            {
                var page = await storage().QueryAsync(new RecordQuery { Tenant = tenant, Table = table, Limit = PageSize, Cursor = state.Cursor }, cancellationToken);
                var (writes, encrypted, unreadable) = await PageAsync(tenant, table, state.Key, page, cancellationToken);
                state = state with { Cursor = page.NextCursor, Records = state.Records + (state.IsAgain ? 0 : page.Records.Length), Encrypted = state.Encrypted + encrypted, Unreadable = state.Unreadable + (state.IsAgain ? 0 : unreadable), IsFound = state.IsFound || encrypted > 0 };
                if (!writes.IsEmpty)
                    revision = await CommitAsync(tenant, state, revision, writes, cancellationToken);
            }
            while (state.Cursor is not null);
            if (!state.IsFound)
                return (state, revision);
            state = state with { IsFound = false, IsAgain = true };
        }
    }

    private async Task<(ImmutableArray<RecordWrite> Writes, long Encrypted, long Unreadable)> PageAsync(string tenant, string table, int key, RecordPage page, CancellationToken cancellationToken)
    {
        var writes = ImmutableArray.CreateBuilder<RecordWrite>();
        var (encrypted, unreadable) = (0L, 0L);
        foreach (var record in page.Records)
        {
            if (record.Json.Span.IndexOf("\"$sealed"u8) < 0)
                continue;
            var walk = new Walk(keys, tenant, key);
            var root = JsonNode.Parse(record.Json.Span)!;
            await walk.VisitAsync(root, $"{tenant}/{table}/{record.Id}/", cancellationToken);
            (encrypted, unreadable) = (encrypted + walk.Encrypted, unreadable + walk.Unreadable);
            // The record is the same for everybody who reads it: neither its revision nor its times change.
            if (walk.Encrypted > 0)
                writes.Add(new RecordWrite { Key = new RecordKey(tenant, table, record.Id), ExpectedRevision = record.Revision, Record = record with { Json = JsonSerializer.SerializeToUtf8Bytes(root, Stored) } });
        }

        return (writes.ToImmutable(), encrypted, unreadable);
    }

    /// <summary>Writes a page with the state; where a caller was faster with one of its records, the others one by one. Returns the state's revision.</summary>
    private async ValueTask<long> CommitAsync(string tenant, State state, long revision, ImmutableArray<RecordWrite> writes, CancellationToken cancellationToken)
    {
        var own = new RecordWrite
        {
            Key = new RecordKey(CallContext.DefaultTenant, Table, tenant),
            ExpectedRevision = revision,
            Record = new StoredRecord { Id = tenant, Revision = revision + 1, CreatedAt = time.GetUtcNow(), UpdatedAt = time.GetUtcNow(), Json = JsonSerializer.SerializeToUtf8Bytes(state, Stored) },
        };
        // Where the tenant lies in another database, the page first: one that is passed again after a crash has nothing left to do.
        var isApart = !writes.IsEmpty && storage().ShardOf(tenant) != storage().ShardOf(CallContext.DefaultTenant);
        try
        {
            await storage().CommitAsync(new WriteBatch { Writes = isApart ? writes : [.. writes, own] }, cancellationToken);
            if (isApart)
                await storage().CommitAsync(new WriteBatch { Writes = [own] }, cancellationToken);
        }
        catch (StorageConflictException e) when (e.Key.Table != Table)
        {
            foreach (var write in writes)
            {
                try
                {
                    await storage().CommitAsync(new WriteBatch { Writes = [write] }, cancellationToken);
                }
                catch (StorageConflictException)
                {
                    // Written by a caller meanwhile, with the present key.
                }
            }

            await storage().CommitAsync(new WriteBatch { Writes = [own] }, cancellationToken);
        }

        return revision + 1;
    }

    /// <summary>The state of a tenant's run to a key; a new one when the stored one is of an older key.</summary>
    private async ValueTask<(State State, long Revision)> FindAsync(string tenant, int key, CancellationToken cancellationToken)
    {
        var record = await storage().FindAsync(new RecordKey(CallContext.DefaultTenant, Table, tenant), cancellationToken);
        var state = record is null ? null : JsonSerializer.Deserialize<State>(record.Json.Span, Stored);
        return (state?.Key == key ? state : new State(key), record?.Revision ?? 0);
    }

    private sealed record State(int Key, string? Table = null, string? Cursor = null, long Records = 0, long Encrypted = 0, long Unreadable = 0, bool IsFound = false, bool IsAgain = false, DateTimeOffset? FinishedAt = null);

    /// <summary>Encrypts the older values of one record again. The path to a value is the place that it was sealed for, or a text says its place itself, so no description of the resource is needed, also when its plugin is off.</summary>
    private sealed class Walk(KeyRing keys, string tenant, int key)
    {
        public int Encrypted { get; private set; }

        public int Unreadable { get; private set; }

        /// <summary>Returns what is to stand in a text's place; null when it stays.</summary>
        public async ValueTask<string?> VisitAsync(JsonNode node, string path, CancellationToken cancellationToken)
        {
            switch (node)
            {
                case JsonValue value when value.TryGetValue<string>(out var text) && SealedText.Read(text) is { } held:
                    return await AnewAsync(held.Sealed, held.Place, cancellationToken) is { } again ? SealedText.Write(held.Place, again.Span) : null;
                case JsonObject { Count: 1 or 2 } sealedValue when sealedValue[Resources.FieldSealing.Sealed] is JsonValue cipher && cipher.TryGetValue<string>(out var encoded):
                    if (Decode(encoded) is { } older && await AnewAsync(older, path, cancellationToken) is { } anew)
                        sealedValue[Resources.FieldSealing.Sealed] = Convert.ToBase64String(anew.Span);
                    break;
                case JsonObject members:
                    foreach (var (name, inner) in members.ToArray())
                    {
                        if (inner is not null && await VisitAsync(inner, Beneath(path, name), cancellationToken) is { } text)
                            members[name] = text;
                    }

                    break;
                case JsonArray list:
                    for (var i = 0; i < list.Count; i++)
                    {
                        if (list[i] is { } inner && await VisitAsync(inner, Beneath(path, i.ToString(System.Globalization.CultureInfo.InvariantCulture)), cancellationToken) is { } text)
                            list[i] = text;
                    }

                    break;
            }

            return null;
        }

        private static string Beneath(string path, string name) => path.EndsWith('/') ? path + name : $"{path}.{name}";

        private static byte[]? Decode(string encoded)
        {
            var bytes = new byte[encoded.Length];
            return Convert.TryFromBase64String(encoded, bytes, out var length) ? bytes[..length] : null;
        }

        /// <summary>The value under the present key; null when it is under it, is none of ours or opens with no key.</summary>
        private async ValueTask<ReadOnlyMemory<byte>?> AnewAsync(byte[] older, string path, CancellationToken cancellationToken)
        {
            if (TenantKey.NumberOf(older) is not { } number || number >= key)
                return null;
            var place = System.Text.Encoding.UTF8.GetBytes(path);
            try
            {
                var plain = await keys.UnprotectAsync(tenant, older, place, cancellationToken);
                var anew = await keys.ProtectAsync(tenant, plain, place, cancellationToken);
                Encrypted++;
                return anew;
            }
            catch (NexusException e) when (e.Code == ErrorCodes.ProtectionFailed)
            {
                Unreadable++;
                return null;
            }
        }
    }
}
