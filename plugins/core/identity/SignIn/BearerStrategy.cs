using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.SignIn;

/// <summary>Callers with <c>Authorization: Bearer</c> and an access token. Its signature is checked once and remembered; whether its session and its user still stand is asked at every request, in memory.</summary>
internal sealed class BearerStrategy(IAccessTokens tokens, SignInSessions sessions, Callers callers)
{
    private const string Scheme = "Bearer ";

    /// <summary>What stands after <c>Bearer</c>; empty when the header says something else.</summary>
    public static ReadOnlySpan<char> Token(string? header) =>
        header is not null && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header.AsSpan(Scheme.Length).Trim(' ') : default;

    public ValueTask<Authentication> AuthenticateAsync(Credentials credentials, CancellationToken cancellationToken)
    {
        var token = Token(credentials.Authorization);
        // Keys and the token of the local administrator come by the same scheme and are other strategies'.
        if (token.IsEmpty || token.StartsWith("nx", StringComparison.Ordinal)) return ValueTask.FromResult(Authentication.NotMine);
        var check = tokens.Verify(token);
        if (check.Claims is not { } claims) return ValueTask.FromResult(Authentication.Refuse(check.Refusal ?? "The access token does not hold."));
        return sessions.Find(claims.SessionId) is { } session ? ValueTask.FromResult(Accept(session)) : LookAsync(claims, cancellationToken);
    }

    private async ValueTask<Authentication> LookAsync(AccessClaims claims, CancellationToken cancellationToken)
    {
        callers.Away.Demand(claims.Tenant);
        return Accept(await sessions.FindAsync(claims.SessionId, claims.Tenant, cancellationToken));
    }

    private Authentication Accept(SignInSession? session) =>
        session is not null && callers.Of(session, "bearer") is { } signedIn ? Authentication.Accept(signedIn) : Authentication.Refuse("The sign-in session has ended.");
}
