using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Data.Protection;

/// <summary>
/// The keys of tenants: for data (numbered from 1, the highest seals) and for digests (one, kept by rotation). They are stored wrapped by the master key
/// in the table <c>nexus.keys</c> and held in memory once used; which of them encrypts is looked up again every half minute, because another node may have rotated it. Two nodes that make a tenant's first key at once agree on the one that was stored first.
/// </summary>
internal sealed class KeyRing(Func<IStorage> storage, Func<IMasterKey> openMaster, TimeProvider time) : IFieldProtection, IKeyRotation, IDisposable
{
    /// <summary>Table of the wrapped keys.</summary>
    public const string Table = "nexus.keys";

    /// <summary>Purpose of the keys that encrypt.</summary>
    public const string Data = "data";

    /// <summary>How long this node may encrypt with a key that another node has replaced.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);

    private const string ForDigests = "digest";
    private const int PageSize = 500;

    private readonly ConcurrentDictionary<(string Tenant, string Purpose, int Number), TenantKey> _keys = new();
    private readonly ConcurrentDictionary<(string Tenant, string Purpose), Present> _current = new();
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Lazy<IMasterKey> _master = new(openMaster);

    /// <summary>A tenant has a new data key.</summary>
    public event Action? Rotated;

    /// <summary>Opens the master key now instead of at the first need.</summary>
    /// <exception cref="NexusException"><c>PROTECTION_FAILED</c>: it cannot be had.</exception>
    public void OpenMaster() => _ = _master.Value;

    public ValueTask<ReadOnlyMemory<byte>> ProtectAsync(string tenant, ReadOnlyMemory<byte> value, ReadOnlyMemory<byte> place, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tenant);
        return _current.TryGetValue((tenant, Data), out var now) && IsFresh(now) ? new(now.Key.Seal(value.Span, Associated(tenant, now.Key.Number, place.Span))) : SlowAsync();

        async ValueTask<ReadOnlyMemory<byte>> SlowAsync()
        {
            var first = await CurrentAsync(tenant, Data, cancellationToken);
            return first.Seal(value.Span, Associated(tenant, first.Number, place.Span));
        }
    }

    public ValueTask<ReadOnlyMemory<byte>> UnprotectAsync(string tenant, ReadOnlyMemory<byte> sealedValue, ReadOnlyMemory<byte> place, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tenant);
        if (TenantKey.NumberOf(sealedValue.Span) is not { } number)
            throw new NexusException(ErrorCodes.ProtectionFailed, "The stored value is not an encrypted one.");
        return _keys.TryGetValue((tenant, Data, number), out var key) ? new(Open(key, tenant, sealedValue.Span, place.Span)) : SlowAsync();

        async ValueTask<ReadOnlyMemory<byte>> SlowAsync() =>
            Open(await LoadAsync(tenant, Data, number, cancellationToken) ?? throw new NexusException(ErrorCodes.ProtectionFailed, $"The key {number} of tenant {tenant} is not stored here."), tenant, sealedValue.Span, place.Span);
    }

    public ValueTask<ReadOnlyMemory<byte>> DigestAsync(string tenant, ReadOnlyMemory<byte> value, string field, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tenant);
        ArgumentNullException.ThrowIfNull(field);
        byte[] input = [.. Encoding.UTF8.GetBytes(field), 0, .. value.Span];
        return _current.TryGetValue((tenant, ForDigests), out var now) ? new(now.Key.Digest(input)) : SlowAsync();

        async ValueTask<ReadOnlyMemory<byte>> SlowAsync() => (await CurrentAsync(tenant, ForDigests, cancellationToken)).Digest(input);
    }

    public bool NeedsNewKey(string tenant, ReadOnlySpan<byte> sealedValue) =>
        TenantKey.NumberOf(sealedValue) is { } number && _current.TryGetValue((tenant, Data), out var now) && now.Key.Number > number;

    public async ValueTask<ImmutableArray<StoredKey>> ListAsync(CancellationToken cancellationToken)
    {
        var found = ImmutableArray.CreateBuilder<StoredKey>();
        for (string? cursor = null; ;)
        {
            var page = await storage().QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = Table, Limit = PageSize, Cursor = cursor }, cancellationToken);
            found.AddRange(page.Records.Select(Read).Select(k => new StoredKey(k.Tenant, k.Purpose, k.Number, k.Master, k.At)));
            if ((cursor = page.NextCursor) is null)
                return found.ToImmutable();
        }
    }

    public async ValueTask<int> RotateAsync(string tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tenant);
        var number = await MakeNextAsync(tenant, cancellationToken);
        Rotated?.Invoke();
        return number;
    }

    private async ValueTask<int> MakeNextAsync(string tenant, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            while (true)
            {
                var newest = (await StoredAsync(tenant, Data, cancellationToken)).Select(k => k.Number).DefaultIfEmpty(0).Max();
                if (await MakeAsync(tenant, Data, newest + 1, cancellationToken) is { } made)
                {
                    _current[(tenant, Data)] = new Present(made, time.GetTimestamp());
                    return made.Number;
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask<int> RotateMasterAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            await _master.Value.RotateAsync(cancellationToken);
            return await RewrapHeldAsync(cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask<int> RewrapAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            return await RewrapHeldAsync(cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Under the gate, so that no key is made under the old master meanwhile.</summary>
    private async ValueTask<int> RewrapHeldAsync(CancellationToken cancellationToken)
    {
        var (done, cursor) = (0, (string?)null);
        do
        {
            var page = await storage().QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = Table, Limit = PageSize, Cursor = cursor }, cancellationToken);
            foreach (var record in page.Records)
            {
                var stored = Read(record);
                if (stored.Master == _master.Value.Id)
                    continue;
                var place = PlaceOf(stored.Tenant, stored.Purpose, stored.Number);
                var key = await _master.Value.UnwrapAsync(stored.Master, stored.Wrapped, place, cancellationToken);
                var wrapped = await _master.Value.WrapAsync(key, place, cancellationToken);
                CryptographicOperations.ZeroMemory(key);
                await StoreAsync(stored with { Wrapped = wrapped, Master = _master.Value.Id }, record.Revision, cancellationToken);
                done++;
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return done;
    }

    public void Dispose()
    {
        foreach (var key in _keys.Values)
            key.Dispose();
        _keys.Clear();
        _current.Clear();
        if (_master.IsValueCreated)
            (_master.Value as IDisposable)?.Dispose();
        _gate.Dispose();
    }

    private bool IsFresh(Present now) => time.GetElapsedTime(now.ReadAt) < Fresh;

    private static byte[] Open(TenantKey key, string tenant, ReadOnlySpan<byte> sealedValue, ReadOnlySpan<byte> place)
    {
        try
        {
            return key.Open(sealedValue, Associated(tenant, key.Number, place));
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new NexusException(ErrorCodes.ProtectionFailed, "A stored value does not open: it was altered, or lies where it was not written.", e);
        }
    }

    /// <summary>What is authenticated with a value: tenant, key and place, so that it opens nowhere else.</summary>
    private static byte[] Associated(string tenant, int number, ReadOnlySpan<byte> place) =>
        [.. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"nexus field v1\0{tenant.Length}\0{tenant}\0{number}\0")), .. place];

    private static byte[] PlaceOf(string tenant, string purpose, int number) => Encoding.UTF8.GetBytes(IdOf(tenant, purpose, number));

    private static string IdOf(string tenant, string purpose, int number) => string.Create(CultureInfo.InvariantCulture, $"{tenant}/{purpose}/{number:D6}");

    private async ValueTask<TenantKey> CurrentAsync(string tenant, string purpose, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (_current.TryGetValue((tenant, purpose), out var known) && (purpose != Data || IsFresh(known)))
                return known.Key;
            while (true)
            {
                var newest = (await StoredAsync(tenant, purpose, cancellationToken)).MaxBy(k => k.Number);
                var key = newest is null ? await MakeAsync(tenant, purpose, 1, cancellationToken) : await UnwrapAsync(newest, cancellationToken);
                if (key is null)
                    continue;
                _current[(tenant, purpose)] = new Present(key, time.GetTimestamp());
                return key;
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Makes and stores a key; null when another node stored one of that number first.</summary>
    private async ValueTask<TenantKey?> MakeAsync(string tenant, string purpose, int number, CancellationToken cancellationToken)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(32, pinned: true);
        RandomNumberGenerator.Fill(bytes);
        var wrapped = await _master.Value.WrapAsync(bytes, PlaceOf(tenant, purpose, number), cancellationToken);
        try
        {
            await StoreAsync(new WrappedKey(tenant, purpose, number, wrapped, _master.Value.Id, time.GetUtcNow()), 0, cancellationToken);
        }
        catch (StorageConflictException)
        {
            CryptographicOperations.ZeroMemory(bytes);
            return null;
        }

        return _keys.GetOrAdd((tenant, purpose, number), new TenantKey(number, bytes));
    }

    private async ValueTask<TenantKey?> LoadAsync(string tenant, string purpose, int number, CancellationToken cancellationToken) =>
        await storage().FindAsync(new RecordKey(CallContext.DefaultTenant, Table, IdOf(tenant, purpose, number)), cancellationToken) is { } record ? await UnwrapAsync(Read(record), cancellationToken) : null;

    private async ValueTask<TenantKey> UnwrapAsync(WrappedKey stored, CancellationToken cancellationToken)
    {
        if (_keys.TryGetValue((stored.Tenant, stored.Purpose, stored.Number), out var known))
            return known;
        var bytes = await _master.Value.UnwrapAsync(stored.Master, stored.Wrapped, PlaceOf(stored.Tenant, stored.Purpose, stored.Number), cancellationToken);
        var key = _keys.GetOrAdd((stored.Tenant, stored.Purpose, stored.Number), new TenantKey(stored.Number, bytes));
        // A value under a newer key than this node knows: another node has rotated it.
        if (_current.TryGetValue((stored.Tenant, stored.Purpose), out var older) && older.Key.Number < key.Number)
            _current.TryUpdate((stored.Tenant, stored.Purpose), older with { Key = key }, older);
        return key;
    }

    private async ValueTask<List<WrappedKey>> StoredAsync(string tenant, string purpose, CancellationToken cancellationToken) =>
        [.. (await storage().QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = Table, KeyPrefix = $"{tenant}/{purpose}/", Limit = PageSize, Sort = [new SortKey("id", Descending: true)] }, cancellationToken)).Records.Select(Read)];

    private async ValueTask StoreAsync(WrappedKey key, long revision, CancellationToken cancellationToken)
    {
        var id = IdOf(key.Tenant, key.Purpose, key.Number);
        var json = new JsonObject { ["tenant"] = key.Tenant, ["purpose"] = key.Purpose, ["number"] = key.Number, ["wrapped"] = Convert.ToBase64String(key.Wrapped), ["master"] = key.Master, ["at"] = key.At };
        var record = new StoredRecord { Id = id, Revision = revision + 1, CreatedAt = key.At, UpdatedAt = time.GetUtcNow(), Json = Encoding.UTF8.GetBytes(json.ToJsonString()) };
        await storage().CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = new RecordKey(CallContext.DefaultTenant, Table, id), Record = record, ExpectedRevision = revision }] }, cancellationToken);
    }

    private static WrappedKey Read(StoredRecord record)
    {
        var json = JsonNode.Parse(record.Json.Span)!;
        return new WrappedKey((string)json["tenant"]!, (string)json["purpose"]!, (int)json["number"]!, Convert.FromBase64String((string)json["wrapped"]!), (string)json["master"]!, (DateTimeOffset)json["at"]!);
    }

    /// <summary>The key that is used now, and when that was looked up.</summary>
    private readonly record struct Present(TenantKey Key, long ReadAt);

    private sealed record WrappedKey(string Tenant, string Purpose, int Number, byte[] Wrapped, string Master, DateTimeOffset At);
}
