using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.ApiKeys;

/// <summary>Callers with <c>X-API-Key: nx_…</c> or <c>Authorization: Bearer nx_…</c>.</summary>
internal sealed class KeyStrategy(KeyRegister keys, Callers callers, TimeProvider time)
{
    private const string Bearer = "Bearer ";

    public ValueTask<Authentication> AuthenticateAsync(Credentials credentials, CancellationToken cancellationToken) => ValueTask.FromResult(Authenticate(credentials));

    private Authentication Authenticate(Credentials credentials)
    {
        var text = credentials.ApiKey ?? (credentials.Authorization is { } header && header.StartsWith(Bearer + KeyRegister.Prefix, StringComparison.OrdinalIgnoreCase) ? header[Bearer.Length..].Trim() : null);
        if (text is null) return Authentication.NotMine;
        if (keys.Match(text) is not { } key) return Authentication.Refuse("The API key is unknown or was revoked.");
        if (key.ExpiresAt <= time.GetUtcNow()) return Authentication.Refuse("The API key has expired.");
        if (callers.Of(key) is not { } signedIn) return Authentication.Refuse("The account of the API key is disabled.");
        keys.NoteUse(key);
        return Authentication.Accept(signedIn);
    }
}
