using System.Collections.Immutable;

namespace Nexus.Core.Identity.Tokens;

/// <summary>Makes and checks access tokens: signed, short-lived, bound to a sign-in session. Thread-safe; does no I/O.</summary>
internal interface IAccessTokens
{
    /// <summary>A token that says what <paramref name="claims"/> say, for as long as the options allow.</summary>
    AccessToken Issue(AccessClaims claims);

    /// <summary>Checks form, algorithm, key, issuer, audience and times. Whether the session still lives is for the caller to ask. Never throws for a bad token.</summary>
    AccessTokenCheck Verify(ReadOnlySpan<char> token);
}

/// <summary>What an access token says.</summary>
internal sealed record AccessClaims
{
    /// <summary>Id of the user (<c>sub</c>).</summary>
    public required string Subject { get; init; }

    /// <summary>Name for people (<c>name</c>).</summary>
    public required string Name { get; init; }

    /// <summary>Tenant (<c>tid</c>).</summary>
    public required string Tenant { get; init; }

    /// <summary>Sign-in session (<c>sid</c>).</summary>
    public required string SessionId { get; init; }

    /// <summary>Roles when it was issued (<c>roles</c>): for other programs to show; Nexus itself asks its own tables at each request.</summary>
    public ImmutableArray<string> Roles { get; init; } = [];

    /// <summary>What the token is held to (<c>scope</c>); empty holds it to none.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>Public client that asked for it (<c>client_id</c>), or null.</summary>
    public string? ClientId { get; init; }

    /// <summary>End of validity (<c>exp</c>); set by <see cref="IAccessTokens.Verify"/>.</summary>
    public DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>A token as it is sent.</summary>
/// <param name="Text">The token.</param>
/// <param name="ExpiresAt">End of validity.</param>
internal readonly record struct AccessToken(string Text, DateTimeOffset ExpiresAt);

/// <summary>Result of a check: claims, or a reason that is safe to send.</summary>
internal readonly record struct AccessTokenCheck(AccessClaims? Claims, string? Refusal)
{
    /// <summary>The token holds.</summary>
    public static AccessTokenCheck Accept(AccessClaims claims) => new(claims, null);

    /// <summary>It does not.</summary>
    public static AccessTokenCheck Refuse(string reason) => new(null, reason);
}
