using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.SignIn;

/// <summary>Callers with <c>Authorization: Bearer</c> and an access token. Its signature is checked once and remembered; whether its session and its user still stand is asked at every request, in memory.</summary>
internal sealed class BearerStrategy(IAccessTokens tokens, SignInSessions sessions, Callers callers)
{
    private const string Scheme = "Bearer ";

    public ValueTask<Authentication> AuthenticateAsync(Credentials credentials, CancellationToken cancellationToken)
    {
        if (credentials.Authorization is not { } header || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return ValueTask.FromResult(Authentication.NotMine);
        var check = tokens.Verify(header.AsSpan(Scheme.Length).Trim(' '));
        if (check.Claims is not { } claims) return ValueTask.FromResult(Authentication.Refuse(check.Refusal ?? "The access token does not hold."));
        return ValueTask.FromResult(sessions.Find(claims.SessionId) is { } session && callers.Of(session, "bearer") is { } signedIn
            ? Authentication.Accept(signedIn)
            : Authentication.Refuse("The sign-in session has ended."));
    }
}
