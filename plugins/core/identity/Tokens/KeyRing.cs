using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Core.Identity.Tokens;

/// <summary>
/// The signing keys of all nodes, in one document, so that two nodes that rotate at once do not both win.
/// A key is published, signs from its time on, and is kept after its successor signs until every token it signed has expired.
/// Memory holds the last state that was read; it is read again every minute, and soon after a token named a key that is not known,
/// so that no request waits for storage. Thread-safe.
/// </summary>
internal sealed class KeyRing(IDocuments documents, IOptions<TokenOptions> options, TimeProvider time, ILoggerFactory loggers, IFieldProtection? protection = null) : IDisposable
{
    private const string Path = "tokens/keys";

    /// <summary>Longest life that settings allow a token, so that shortening the setting strands none.</summary>
    private static readonly TimeSpan LongestToken = TimeSpan.FromDays(1);

    /// <summary>How often the ring is read: shorter than the shortest lead of a key, so that every node knows a key before it signs.</summary>
    private static readonly TimeSpan ReadEvery = TimeSpan.FromMinutes(1);

    /// <summary>Unknown key ids come from anybody, so they must not become a read each.</summary>
    private static readonly TimeSpan MissPause = TimeSpan.FromSeconds(1);

    private readonly ILogger log = loggers.CreateLogger("core.identity.keys");
    private readonly SemaphoreSlim gate = new(1, 1);
    private volatile Ring state = new([]);
    private long readAt;
    private ITimer? timer;
    private bool toldOpen;

    /// <summary>Tells that a key was taken out: what was verified by it is not to be believed any more.</summary>
    public event Action<string>? Withdrawn;

    /// <summary>Keys that verify now, and those that will sign next; the newest last.</summary>
    public ImmutableArray<SigningKey> Keys => state.Keys;

    /// <summary>The key that signs now.</summary>
    public SigningKey Current => Signing(Keys, time.GetUtcNow()) ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "The signing keys are not loaded.");

    /// <summary>Reads the ring, makes the first key when there is none, and begins to follow it.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await RefreshAsync(cancellationToken);
        timer ??= time.CreateTimer(_ => _ = RefreshQuietlyAsync(), null, ReadEvery, ReadEvery);
    }

    /// <summary>The key of an id, or null. An unknown id makes the ring be read again, so that a key which another node just made is known at the next try.</summary>
    public SigningKey? Find(string keyId)
    {
        foreach (var key in Keys)
        {
            if (key.KeyId == keyId)
                return key;
        }

        var last = Interlocked.Read(ref readAt);
        var now = time.GetTimestamp();
        if (timer is not null && time.GetElapsedTime(last, now) > MissPause && Interlocked.CompareExchange(ref readAt, now, last) == last)
            _ = RefreshQuietlyAsync();
        return null;
    }

    /// <summary>Reads the ring again, and makes the key that is due.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            await ChangeAsync(null, cancellationToken);
            var now = time.GetUtcNow();
            if (Signing(Keys, now) is null)
                await AddAsync(now, ring => !ring.Keys.Any(k => k.SignsFrom <= now), cancellationToken);
            else if (Keys[^1].SignsFrom is var newest && newest + options.Value.KeyLifetime - options.Value.KeyLead <= now)
                await AddAsync(Later(newest + options.Value.KeyLifetime, now + options.Value.KeyLead), ring => ring.Keys.Max(k => k.SignsFrom) == newest, cancellationToken);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Makes a key that signs at once; older ones go on verifying until what they signed has expired.</summary>
    public async Task<SigningKey> RotateAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            return await AddAsync(time.GetUtcNow(), _ => true, cancellationToken) ?? Current;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Takes a key out at once, as when it leaked: every token it signed is refused from now on, and another key signs. False when there is no such key.</summary>
    public async Task<bool> WithdrawAsync(string keyId, CancellationToken cancellationToken)
    {
        var found = false;
        await gate.WaitAsync(cancellationToken);
        try
        {
            await ChangeAsync(ring =>
            {
                found = ring.Keys.Any(k => k.Kid == keyId);
                return ring with { Keys = ring.Keys.RemoveAll(k => k.Kid == keyId) };
            }, cancellationToken);
        }
        finally
        {
            gate.Release();
        }

        if (!found)
            return false;
        log.LogWarning("The signing key {Key} was withdrawn; its tokens are refused", keyId);
        await RefreshAsync(cancellationToken);
        return true;
    }

    /// <summary>The public keys as a JWK set (RFC 7517), those that will sign next included.</summary>
    public byte[] Published()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("keys");
            foreach (var key in Keys)
            {
                json.WriteStartObject();
                json.WriteString("kty", "EC");
                json.WriteString("crv", "P-256");
                json.WriteString("use", "sig");
                json.WriteString("alg", "ES256");
                json.WriteString("kid", key.KeyId);
                json.WriteString("x", key.X);
                json.WriteString("y", key.Y);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        timer?.Dispose();
        foreach (var key in Keys) key.Dispose();
    }

    private static SigningKey? Signing(ImmutableArray<SigningKey> ring, DateTimeOffset now) => ring.LastOrDefault(k => k.SignsFrom <= now);

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    private async Task RefreshQuietlyAsync()
    {
        try
        {
            await RefreshAsync(CancellationToken.None);
        }
        catch (Exception error)
        {
            // What is in memory goes on serving; the next round tries again.
            log.LogError(error, "The signing keys cannot be read");
        }
    }

    private async Task<SigningKey?> AddAsync(DateTimeOffset signsFrom, Func<StoredRing, bool> isWanted, CancellationToken cancellationToken)
    {
        using var key = SigningKey.Create(signsFrom);
        var stored = new StoredKey(key.KeyId, key.SignsFrom, key.X, key.Y, Base64Url.EncodeToString(key.Secret()), false);
        // Another node may have made the key that was due in the meantime: the ring as it is stored decides.
        await ChangeAsync(ring => isWanted(ring) ? ring with { Keys = ring.Keys.Add(stored) } : ring, cancellationToken);
        var added = Keys.FirstOrDefault(k => k.KeyId == key.KeyId);
        if (added is not null)
            log.LogInformation("The key {Key} signs tokens from {Time:O}", key.KeyId, signsFrom);
        return added;
    }

    /// <summary>Reads the document, applies a change, drops what is over, writes it when it differs, and takes the result over.</summary>
    private async Task ChangeAsync(Func<StoredRing, StoredRing>? change, CancellationToken cancellationToken)
    {
        CallContext.Current = CallContext.System;
        while (true)
        {
            var document = await documents.FindAsync(Path, cancellationToken);
            var ring = document?.Value?.Deserialize(TokensJson.Default.StoredRing) ?? new StoredRing([]);
            var changed = await SealAllAsync(change is null ? ring : Trim(change(ring)), cancellationToken);
            if (!changed.Keys.SequenceEqual(ring.Keys))
            {
                try
                {
                    await documents.CommitAsync([new DocumentWrite(Path, JsonSerializer.SerializeToNode(changed, TokensJson.Default.StoredRing), document?.Revision ?? 0)], cancellationToken: cancellationToken);
                }
                catch (StorageConflictException)
                {
                    // Another node changed the ring: begin again from what it wrote.
                    continue;
                }
            }

            await TakeAsync(changed, cancellationToken);
            return;
        }
    }

    /// <summary>Drops keys whose successor has signed for so long that nothing of theirs is good any more.</summary>
    private StoredRing Trim(StoredRing ring)
    {
        var ordered = ring.Keys.OrderBy(k => k.SignsFrom).ToImmutableArray();
        var over = time.GetUtcNow() - LongestToken;
        return ring with { Keys = [.. ordered.Where((_, i) => i + 1 == ordered.Length || ordered[i + 1].SignsFrom >= over)] };
    }

    private async Task TakeAsync(StoredRing ring, CancellationToken cancellationToken)
    {
        var known = Keys;
        var taken = ImmutableArray.CreateBuilder<SigningKey>(ring.Keys.Length);
        foreach (var stored in ring.Keys.OrderBy(k => k.SignsFrom))
            taken.Add(known.FirstOrDefault(k => k.KeyId == stored.Kid && k.SignsFrom == stored.SignsFrom) ?? await OpenAsync(stored, cancellationToken));
        state = new Ring(taken.DrainToImmutable());
        Interlocked.Exchange(ref readAt, time.GetTimestamp());
        foreach (var gone in known.Where(k => Keys.All(left => left.KeyId != k.KeyId)))
            Withdrawn?.Invoke(gone.KeyId);
    }

    /// <summary>Keys that were stored before a field protection was there are sealed when they are next read.</summary>
    private async Task<StoredRing> SealAllAsync(StoredRing ring, CancellationToken cancellationToken)
    {
        if (protection is null || ring.Keys.All(k => k.IsSealed))
            return ring;
        try
        {
            var sealedKeys = ImmutableArray.CreateBuilder<StoredKey>(ring.Keys.Length);
            foreach (var key in ring.Keys)
            {
                sealedKeys.Add(key.IsSealed ? key : key with
                {
                    Secret = await SealedText.SealAsync(protection, CallContext.DefaultTenant, Base64Url.DecodeFromChars(key.Secret), Place(key.Kid), cancellationToken),
                    IsSealed = true,
                });
            }

            return ring with { Keys = sealedKeys.DrainToImmutable() };
        }
        catch (NexusException error) when (error.Code == ErrorCodes.ProtectionFailed)
        {
            // A node without a master key still signs users in; who reads its database could sign tokens, and that is said.
            if (!toldOpen)
                log.LogWarning("The signing keys lie open in the database: {Reason}", error.Message);
            toldOpen = true;
            return ring;
        }
    }

    private async Task<SigningKey> OpenAsync(StoredKey key, CancellationToken cancellationToken)
    {
        if (!key.IsSealed)
            return SigningKey.Restore(key.X, key.Y, Base64Url.DecodeFromChars(key.Secret), key.SignsFrom);
        if (protection is null)
            throw new NexusException(ErrorCodes.PluginStartupFailed, $"The signing key {key.Kid} is stored encrypted and this node has no field protection to open it with. Give the node the master key it was stored under.");
        var secret = await SealedText.OpenAsync(protection, CallContext.DefaultTenant, key.Secret, Place(key.Kid), cancellationToken);
        return SigningKey.Restore(key.X, key.Y, secret.ToArray(), key.SignsFrom);
    }

    private static string Place(string kid) => $"{CallContext.DefaultTenant}/core.identity/{Path}/{kid}/d";

    private sealed record Ring(ImmutableArray<SigningKey> Keys);
}

/// <summary>The key ring as it is stored.</summary>
internal sealed record StoredRing(ImmutableArray<StoredKey> Keys);

/// <summary>A key as it is stored: the private scalar base64url, or a sealed text when there is a field protection.</summary>
internal sealed record StoredKey(string Kid, DateTimeOffset SignsFrom, string X, string Y, string Secret, bool IsSealed);
