using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.ApiKeys;

/// <summary>Callers with <c>X-API-Key: nx_…</c> or <c>Authorization: Bearer nx_…</c>.</summary>
internal sealed class KeyStrategy(KeyRegister keys, Callers callers, TimeProvider time)
{
    public ValueTask<Authentication> AuthenticateAsync(Credentials credentials, CancellationToken cancellationToken) => ValueTask.FromResult(Authenticate(credentials));

    private Authentication Authenticate(Credentials credentials)
    {
        var sent = BearerStrategy.Token(credentials.Authorization);
        var text = credentials.ApiKey ?? (sent.StartsWith(KeyRegister.Prefix, StringComparison.Ordinal) ? sent.ToString() : null);
        if (text is null) return Authentication.NotMine;
        if (keys.Match(text) is not { } key)
        {
            callers.Away.DemandAll();
            return Authentication.Refuse("The API key is unknown or was revoked.");
        }

        if (key.ExpiresAt <= time.GetUtcNow()) return Authentication.Refuse("The API key has expired.");
        if (callers.Of(key) is not { } signedIn) return Authentication.Refuse("The account of the API key is disabled.");
        keys.NoteUse(key);
        return Authentication.Accept(signedIn);
    }
}
