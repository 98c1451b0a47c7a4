using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.SignIn;

/// <summary>Callers with the cookie of a browser that signed in. What they change needs the CSRF token that the sign-in answered.</summary>
internal sealed class CookieStrategy(SignInSessions sessions, Callers callers)
{
    public async ValueTask<Authentication> AuthenticateAsync(Credentials credentials, CancellationToken cancellationToken)
    {
        if (credentials.Cookie is not { } text) return Authentication.NotMine;
        // A stale cookie is sent by the browser on its own: it is as good as none, and public pages must still be served.
        if (SessionCookie.Parse(text) is not { } cookie || await sessions.FindAsync(cookie.SessionId, CallContext.DefaultTenant, cancellationToken) is not { CookieHash: { } hash } session
            || !CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(hash), Encoding.ASCII.GetBytes(RefreshToken.Hash(cookie.Secret))))
        {
            callers.Away.DemandAll();
            return Authentication.Refuse("The sign-in session has ended.");
        }

        return callers.Of(session, "cookie", SessionCookie.CsrfToken(cookie.Secret)) is { } signedIn ? Authentication.Accept(signedIn) : Authentication.Refuse("The sign-in session has ended.");
    }
}
