using System.Collections.Concurrent;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.SignIn;

/// <summary>Callers with <c>Authorization: Bearer</c> and an access token. A token is checked once and remembered until it expires; whether its session and its user still stand is asked at every request, in memory.</summary>
internal sealed class BearerStrategy(IAccessTokens tokens, SignInSessions sessions, Callers callers, TimeProvider time)
{
    private const int Remembered = 50_000;
    private readonly ConcurrentDictionary<string, AccessClaims> checkedTokens = new(StringComparer.Ordinal);

    public ValueTask<Authentication> AuthenticateAsync(Credentials credentials, CancellationToken cancellationToken)
    {
        if (credentials.Authorization is not { } header || !header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return ValueTask.FromResult(Authentication.NotMine);
        if (!checkedTokens.TryGetValue(header, out var claims))
        {
            var check = tokens.Verify(header[7..].Trim());
            if (check.Claims is null) return ValueTask.FromResult(Authentication.Refuse(check.Refusal ?? "The access token does not hold."));
            claims = check.Claims;
            // A cache of signatures, not of rights: emptied as a whole when full, because it is cheap to fill and nothing else may grow without end.
            if (checkedTokens.Count >= Remembered) checkedTokens.Clear();
            checkedTokens.TryAdd(header, claims);
        }

        if (claims.ExpiresAt <= time.GetUtcNow())
        {
            checkedTokens.TryRemove(header, out _);
            return ValueTask.FromResult(Authentication.Refuse("The access token has expired."));
        }

        return ValueTask.FromResult(sessions.Find(claims.SessionId) is { } session && callers.Of(session, "bearer") is { } signedIn
            ? Authentication.Accept(signedIn)
            : Authentication.Refuse("The sign-in session has ended."));
    }
}
