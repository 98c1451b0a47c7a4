using System.Text.Json;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.External;

/// <summary>Checks identity tokens of other issuers (OpenID Connect Core 1.0, section 3.1.3.7).</summary>
internal sealed class IdentityTokens(ProviderDirectory directory, TimeProvider time)
{
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(1);

    /// <summary>Reads who a token is about.</summary>
    /// <param name="text">The token.</param>
    /// <param name="provider">Who must have issued it.</param>
    /// <param name="clientId">Whom it must be for: us.</param>
    /// <param name="nonce">What we sent along, so that a token of another sign-in does not pass; null when the provider sends none.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException"><c>EXTERNAL_SIGN_IN_REFUSED</c>: the token does not hold.</exception>
    public async ValueTask<ExternalIdentity> ReadAsync(string text, ProviderMetadata provider, string clientId, string? nonce, CancellationToken cancellationToken)
    {
        var token = CompactToken.Parse(text) ?? throw Refused("it cannot be read");
        if (token.Algorithm is not ("RS256" or "ES256"))
            throw Refused("its algorithm is neither RS256 nor ES256");
        var keys = await directory.KeysAsync(provider, token.KeyId, token.Algorithm, cancellationToken);
        if (!keys.Any(key => key.Verify(token.Signed, token.Signature)))
            throw Refused("its signature is not the provider's");
        if (token.Text("iss") is not { } issuer || issuer != Expected(provider, token))
            throw Refused("it is of another issuer");
        if (!token.IsFor(clientId))
            throw Refused("it is for another client");
        if (HasSeveralAudiences(token) && token.Text("azp") is null || token.Payload.TryGetProperty("azp", out _) && token.Text("azp") != clientId)
            throw Refused("it was asked for by another client");
        var now = time.GetUtcNow();
        if (token.Time("exp") is not { } expires || expires <= now - Skew)
            throw Refused("it has expired");
        if (token.Time("iat") is not { } issued || issued > now + Skew || token.Payload.TryGetProperty("nbf", out _) && !(token.Time("nbf") <= now + Skew))
            throw Refused("it is not good yet");
        if (nonce is not null && token.Text("nonce") != nonce)
            throw Refused("it is of another sign-in");
        if (token.Text("sub") is not { Length: > 0 and <= 255 } subject)
            throw Refused("it names nobody");
        return new ExternalIdentity(issuer, subject)
        {
            Email = token.Text("email"),
            // Some providers send the claim as text.
            EmailVerified = token.Payload.TryGetProperty("email_verified", out var verified) && (verified.ValueKind == JsonValueKind.True || verified.ValueKind == JsonValueKind.String && verified.ValueEquals("true")),
            Name = token.Text("name"),
        };
    }

    private static NexusException Refused(string why) => new(ErrorCodes.ExternalSignInRefused, $"The identity token is refused: {why}.");

    private static string Expected(ProviderMetadata provider, CompactToken token) =>
        token.Text("tid") is { } tenant && Guid.TryParse(tenant, out _) ? provider.Issuer.Replace("{tenantid}", tenant, StringComparison.Ordinal) : provider.Issuer;

    private static bool HasSeveralAudiences(CompactToken token) => token.Payload.TryGetProperty("aud", out var audience) && audience.ValueKind == JsonValueKind.Array && audience.GetArrayLength() > 1;
}

/// <summary>Whom another site says to have signed in.</summary>
/// <param name="Issuer">The site.</param>
/// <param name="Subject">Its id of the user, which never changes there.</param>
internal sealed record ExternalIdentity(string Issuer, string Subject)
{
    /// <summary>Address of mail, or null.</summary>
    public string? Email { get; init; }

    /// <summary>The site says to have proved the address.</summary>
    public bool EmailVerified { get; init; }

    /// <summary>Name for people, or null.</summary>
    public string? Name { get; init; }
}
