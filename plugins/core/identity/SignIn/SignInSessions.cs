using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.SignIn;

/// <summary>The sign-in sessions of all tenants, in memory and durable. What ends a session ends it for the next request that names it. Thread-safe.</summary>
internal sealed class SignInSessions : IDisposable
{
    // Nodes tell each other within a second; the rest is for clocks that differ.
    private static readonly TimeSpan Untold = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, SignInSession> live = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Place, ImmutableHashSet<string>> ofUser = new();
    private readonly Mirror<SignInSession> sessions;
    private readonly AwayTenants away;
    private readonly IAccessTokens tokens;
    private readonly IdentityOptions options;
    private readonly TimeProvider time;

    public SignInSessions(Tree tree, AwayTenants away, IAccessTokens tokens, IOptions<IdentityOptions> options, TimeProvider time)
    {
        (this.away, this.tokens, this.options, this.time) = (away, tokens, options.Value, time);
        sessions = new Mirror<SignInSession>(tree, "sessions", IdentityJson.Default.SignInSession) { Changed = Index, Placed = (session, place) => session with { Tenant = place.Tenant } };
    }

    /// <summary>How many have neither ended nor expired.</summary>
    public int Count => time.GetUtcNow() is var now ? live.Values.Count(s => s.ExpiresAt > now) : 0;

    public Task LoadAsync(string tenant, CancellationToken cancellationToken) => sessions.LoadAsync(tenant, cancellationToken);

    /// <summary>Takes over what another node changed; null stands for anything of the tenant.</summary>
    public Task FollowAsync(string tenant, string? path, CancellationToken cancellationToken) =>
        path is null ? sessions.FollowAllAsync(tenant, cancellationToken) : sessions.FollowAsync(tenant, path, cancellationToken).AsTask();

    /// <summary>A session that has neither ended nor expired, or null. One look into a dictionary.</summary>
    public SignInSession? Find(string id) => live.TryGetValue(id, out var session) && session.ExpiresAt > time.GetUtcNow() ? session : null;

    /// <summary>The same, but a session that began a moment ago on another node, and was not told of yet, is read: who signs in at one node asks the next at once.</summary>
    public ValueTask<SignInSession?> FindAsync(string id, string tenant, CancellationToken cancellationToken) =>
        Find(id) is { } session ? ValueTask.FromResult<SignInSession?>(session) : IsYoung(id) ? ReadAsync(new Place(tenant, id), cancellationToken) : default;

    /// <summary>The session whose current refresh token this is, or null.</summary>
    public SignInSession? FindByRefresh(string text) =>
        RefreshToken.Parse(text) is { } token && Find(token.SessionId) is { } session && Same(session.FamilyHash, token.Family) && Same(session.RefreshHash, token.Secret) ? session : null;

    /// <summary>Sessions of a user, last used first.</summary>
    public ImmutableArray<SignInSession> Of(Place user) =>
        [.. ofUser.GetValueOrDefault(user, []).Select(Find).OfType<SignInSession>().OrderByDescending(s => s.LastUsedAt).ThenByDescending(s => s.Id, StringComparer.Ordinal)];

    /// <summary>Begins a session of a user who has proved who it is.</summary>
    public async ValueTask<SignInGrant> BeginAsync(User user, SignInOrigin origin, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var id = Guid.CreateVersion7(now).ToString();
        var refresh = RefreshToken.New(id);
        var cookie = origin.Cookie ? RandomNumberGenerator.GetBytes(32) : null;
        var session = new SignInSession
        {
            Id = id,
            UserId = user.Id,
            Tenant = user.Tenant,
            Method = origin.Method,
            ClientId = origin.ClientId,
            Scopes = origin.Scopes,
            Remember = origin.Remember,
            CreatedAt = now,
            LastUsedAt = now,
            ExpiresAt = now + (origin.Remember ? options.RememberedLifetime : options.SessionLifetime),
            Address = origin.Address,
            UserAgent = origin.UserAgent,
            FamilyHash = RefreshToken.Hash(refresh.Family),
            RefreshHash = RefreshToken.Hash(refresh.Secret),
            CookieHash = cookie is null ? null : RefreshToken.Hash(cookie),
        };
        var surplus = Of(user.Place).Skip(options.SessionsPerUser - 1).Select(s => s.Place).ToImmutableArray();
        await sessions.AddAsync(session.Place, session, [.. surplus.Select(s => sessions.Removal(s.Id))], cancellationToken: cancellationToken);
        foreach (var ended in surplus) sessions.Forget(ended);
        return Grant(user, session, refresh, cookie is null ? null : SessionCookie.Text(id, cookie));
    }

    /// <summary>Exchanges a refresh token for a new one, once. A token that was exchanged before ends the whole session: one of its two holders has stolen it, and nobody can tell which.</summary>
    /// <param name="text">The token.</param>
    /// <param name="find">Finds the user, if it still may sign in.</param>
    /// <param name="origin">Where the request comes from.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public async ValueTask<Refreshed> RefreshAsync(string? text, Func<SignInSession, User?> find, SignInOrigin origin, CancellationToken cancellationToken)
    {
        if (RefreshToken.Parse(text) is not { } token) return default;
        if (await FindAsync(token.SessionId, CallContext.DefaultTenant, cancellationToken) is not { } found)
        {
            away.DemandAll();
            return default;
        }

        if (!Same(found.FamilyHash, token.Family)) return default;
        var user = find(found);
        var outcome = Outcome.Refused;
        var next = RefreshToken.New(token.SessionId, token.Family);
        var now = time.GetUtcNow();
        Task<SignInSession?> ExchangeAsync() => sessions.ChangeAsync(found.Place, session =>
        {
            outcome = !Same(session.RefreshHash, token.Secret) ? Outcome.Reused : user is null ? Outcome.Refused : Outcome.Exchanged;
            return outcome != Outcome.Exchanged ? session : session with
            {
                RefreshHash = RefreshToken.Hash(next.Secret),
                LastUsedAt = now,
                ExpiresAt = now + (session.Remember ? options.RememberedLifetime : options.SessionLifetime),
                Address = origin.Address ?? session.Address,
            };
        }, cancellationToken: cancellationToken).AsTask();
        var changed = await ExchangeAsync();
        if (outcome == Outcome.Reused)
        {
            // Another node may have given this token out a moment ago: only what is stored can tell.
            await sessions.FollowAsync(found.Place, cancellationToken);
            changed = await ExchangeAsync();
        }

        if (outcome == Outcome.Reused) await EndAsync(found.Place, CancellationToken.None);
        return changed is not null && outcome == Outcome.Exchanged ? new Refreshed(Grant(user!, changed, next, null), null) : new Refreshed(null, outcome == Outcome.Reused ? found : null);
    }

    /// <summary>Ends a session; false when it had ended already.</summary>
    public async ValueTask<bool> EndAsync(Place place, CancellationToken cancellationToken)
    {
        // Before the commit: from here on no request passes, and a crash in between only means that the caller was not told it is done.
        live.TryRemove(place.Id, out _);
        return await sessions.RemoveAsync(place, cancellationToken: cancellationToken) is not null;
    }

    /// <summary>Ends all sessions of a user but one; how many.</summary>
    public async ValueTask<int> EndAllAsync(Place user, string? except, CancellationToken cancellationToken)
    {
        var ended = 0;
        foreach (var session in ofUser.GetValueOrDefault(user, []).Where(id => id != except))
            if (await EndAsync(new Place(user.Tenant, session), cancellationToken)) ended++;
        return ended;
    }

    /// <summary>The writes that end all sessions of a user together with another change; <see cref="Forget"/> follows their commit.</summary>
    public ImmutableArray<DocumentWrite> Removals(Place user) => [.. ofUser.GetValueOrDefault(user, []).Select(sessions.Removal)];

    /// <summary>Lets go of all sessions of a user whose removal was committed.</summary>
    public void Forget(Place user)
    {
        foreach (var id in ofUser.GetValueOrDefault(user, [])) sessions.Forget(new Place(user.Tenant, id));
    }

    /// <summary>Removes sessions that expired; how many.</summary>
    public async ValueTask<int> SweepAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var expired = sessions.All().Where(s => s.Value.ExpiresAt <= now).Select(s => s.Place).ToList();
        foreach (var place in expired) await EndAsync(place, cancellationToken);
        return expired.Count;
    }

    public void Dispose() => sessions.Dispose();

    private bool IsYoung(string id) =>
        Guid.TryParse(id, out var made) && made.Version == 7
        && (time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(Convert.ToInt64(made.ToString("N")[..12], 16))).Duration() < Untold;

    private async ValueTask<SignInSession?> ReadAsync(Place place, CancellationToken cancellationToken)
    {
        await sessions.FollowAsync(place, cancellationToken);
        return Find(place.Id);
    }

    private static bool Same(string hash, byte[] secret) =>
        CryptographicOperations.FixedTimeEquals(System.Text.Encoding.ASCII.GetBytes(hash), System.Text.Encoding.ASCII.GetBytes(RefreshToken.Hash(secret)));

    private SignInGrant Grant(User user, SignInSession session, RefreshToken refresh, string? cookie) =>
        new(user, session, tokens.Issue(new AccessClaims { Subject = user.Id, Name = user.DisplayName, Tenant = user.Tenant, SessionId = session.Id, Roles = user.Roles, Scopes = session.Scopes, ClientId = session.ClientId }), refresh.ToString(), cookie);

    private void Index(Place place, SignInSession? old, SignInSession? now)
    {
        if (now is not null)
        {
            live[place.Id] = now;
            ofUser.AddOrUpdate(new Place(place.Tenant, now.UserId), static (_, id) => [id], static (_, ids, id) => ids.Add(id), place.Id);
        }
        else if (old is not null)
        {
            live.TryRemove(place.Id, out _);
            var user = new Place(place.Tenant, old.UserId);
            if (ofUser.AddOrUpdate(user, static (_, _) => [], static (_, ids, id) => ids.Remove(id), place.Id).IsEmpty) ofUser.TryRemove(new KeyValuePair<Place, ImmutableHashSet<string>>(user, []));
        }
    }

    private enum Outcome
    {
        Refused,
        Reused,
        Exchanged,
    }
}

/// <summary>Result of a refresh.</summary>
/// <param name="Grant">The new tokens, or null.</param>
/// <param name="Reused">The session that was ended because a used token came again, or null.</param>
internal readonly record struct Refreshed(SignInGrant? Grant, SignInSession? Reused);
