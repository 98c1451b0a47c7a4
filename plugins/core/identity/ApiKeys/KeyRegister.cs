using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.ApiKeys;

/// <summary>The keys of programs, in memory and durable; revoked ones are gone for the next request. Thread-safe.</summary>
internal sealed class KeyRegister : IDisposable
{
    /// <summary>With what every key begins.</summary>
    public const string Prefix = "nx_";

    private const int SecretLength = 40;
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private readonly ConcurrentDictionary<string, ApiKey> byHash = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Place, DateTimeOffset> used = new();
    private readonly Mirror<ApiKey> keys;
    private readonly TimeProvider time;

    public KeyRegister(Tree tree, TimeProvider time)
    {
        this.time = time;
        keys = new Mirror<ApiKey>(tree, "keys", IdentityJson.Default.ApiKey) { Changed = Index, Placed = (key, place) => key with { Tenant = place.Tenant } };
    }

    public Task LoadAsync(string tenant, CancellationToken cancellationToken) => keys.LoadAsync(tenant, cancellationToken);

    /// <summary>Takes over what another node changed; null stands for anything of the tenant.</summary>
    public Task FollowAsync(string tenant, string? path, CancellationToken cancellationToken) =>
        path is null ? keys.FollowAllAsync(tenant, cancellationToken) : keys.FollowAsync(tenant, path, cancellationToken).AsTask();

    public ApiKey? Find(Place place) => keys.Find(place) is { } key ? WithUse(key) : null;

    /// <summary>Keys of a tenant, or of one of its users, newest first.</summary>
    public ImmutableArray<ApiKey> Of(string tenant, string? user) =>
        [.. keys.All(tenant).Where(k => user is null || k.UserId == user).Select(WithUse).OrderByDescending(k => k.Id, StringComparer.Ordinal)];

    /// <summary>Makes a key.</summary>
    /// <returns>The key itself, which exists nowhere else, and its record.</returns>
    public async Task<(string Text, ApiKey Key)> AddAsync(User user, string name, ImmutableArray<string> scopes, DateTimeOffset? expiresAt, int? requestsPerMinute, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var text = Prefix + RandomNumberGenerator.GetString(Alphabet, SecretLength);
        var key = new ApiKey
        {
            Id = Guid.CreateVersion7(now).ToString(),
            UserId = user.Id,
            Tenant = user.Tenant,
            Name = name,
            Hash = HashOf(text),
            Preview = $"{text[..7]}…{text[^4..]}",
            Scopes = scopes,
            CreatedAt = now,
            ExpiresAt = expiresAt,
            RequestsPerMinute = requestsPerMinute,
        };
        await keys.AddAsync(key.Place, key, cancellationToken: cancellationToken);
        return (text, key);
    }

    /// <summary>Revokes a key; false when there is none.</summary>
    public async Task<bool> RevokeAsync(Place place, CancellationToken cancellationToken)
    {
        // Before the commit, as with sessions: from here on no request passes.
        if (keys.Find(place) is { } leaving) byHash.TryRemove(leaving.Hash, out _);
        return await keys.RemoveAsync(place, cancellationToken: cancellationToken) is not null;
    }

    /// <summary>The key of a text, also when it has expired; null when there is none.</summary>
    public ApiKey? Match(string text) => text.Length == Prefix.Length + SecretLength ? byHash.GetValueOrDefault(HashOf(text)) : null;

    /// <summary>Notes that a key was used; stored by <see cref="SaveUsesAsync"/>.</summary>
    public void NoteUse(ApiKey key)
    {
        var now = time.GetUtcNow();
        if (!used.TryGetValue(key.Place, out var noted) || now - noted >= TimeSpan.FromSeconds(1)) used[key.Place] = now;
    }

    /// <summary>Stores when keys were last used.</summary>
    public async Task SaveUsesAsync(CancellationToken cancellationToken)
    {
        foreach (var (place, when) in used)
        {
            await keys.ChangeAsync(place, key => key.LastUsedAt is { } before && when - before < TimeSpan.FromMinutes(1) ? key : key with { LastUsedAt = when }, cancellationToken: cancellationToken);
            used.TryRemove(new KeyValuePair<Place, DateTimeOffset>(place, when));
        }
    }

    /// <summary>The writes that revoke all keys of a user together with another change; <see cref="Forget"/> follows their commit.</summary>
    public ImmutableArray<DocumentWrite> Removals(Place user) => [.. Of(user.Tenant, user.Id).Select(k => keys.Removal(k.Id))];

    /// <summary>Lets go of all keys of a user whose removal was committed.</summary>
    public void Forget(Place user)
    {
        foreach (var key in Of(user.Tenant, user.Id)) keys.Forget(key.Place);
    }

    public void Dispose() => keys.Dispose();

    private static string HashOf(string text) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private ApiKey WithUse(ApiKey key) => used.TryGetValue(key.Place, out var when) ? key with { LastUsedAt = when } : key;

    private void Index(Place place, ApiKey? old, ApiKey? now)
    {
        if (now is not null)
        {
            byHash[now.Hash] = now;
        }
        else if (old is not null)
        {
            byHash.TryRemove(old.Hash, out _);
            used.TryRemove(place, out _);
        }
    }
}
