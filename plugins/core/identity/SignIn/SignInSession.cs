using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.SignIn;

/// <summary>A sign-in session as it is stored at <c>sessions/{id}</c>. Immutable. Tokens are here as hashes only.</summary>
internal sealed record SignInSession
{
    /// <summary>Id, also in access tokens (<c>sid</c>).</summary>
    public required string Id { get; init; }

    /// <summary>Whose it is.</summary>
    public required string UserId { get; init; }

    /// <summary>How the user signed in: <c>password</c>, <c>passkey</c>, <c>google</c>, …</summary>
    public required string Method { get; init; }

    /// <summary>Public client it was made for, or null for Nexus itself.</summary>
    public string? ClientId { get; init; }

    /// <summary>What it is held to; empty holds it to none.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>The user asked to be remembered.</summary>
    public bool Remember { get; init; }

    /// <summary>When it began.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was last refreshed.</summary>
    public DateTimeOffset LastUsedAt { get; init; }

    /// <summary>When it ends unless it is refreshed.</summary>
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Address it was last used from.</summary>
    public string? Address { get; init; }

    /// <summary>Browser or program it began with.</summary>
    public string? UserAgent { get; init; }

    /// <summary>SHA-256 of the part of refresh tokens that all of this session share: who brings it without the current secret brings a used token.</summary>
    public required string FamilyHash { get; init; }

    /// <summary>SHA-256 of the secret of the refresh token that is valid now.</summary>
    public required string RefreshHash { get; init; }

    /// <summary>SHA-256 of the secret of its cookie, or null.</summary>
    public string? CookieHash { get; init; }

    /// <summary>Its tenant; known from where it lies.</summary>
    [JsonIgnore]
    public string Tenant { get; init; } = CallContext.DefaultTenant;

    /// <summary>Where it lies.</summary>
    [JsonIgnore]
    public Place Place => new(Tenant, Id);
}

/// <summary>Where a sign-in comes from and what it asks for.</summary>
/// <param name="Method">How the user proved who it is.</param>
/// <param name="Address">Address of the caller, or null.</param>
/// <param name="UserAgent">Its browser or program, or null.</param>
internal sealed record SignInOrigin(string Method, string? Address = null, string? UserAgent = null)
{
    /// <summary>Remember the user for longer.</summary>
    public bool Remember { get; init; }

    /// <summary>Also make a cookie.</summary>
    public bool Cookie { get; init; }

    /// <summary>Public client, or null for Nexus itself.</summary>
    public string? ClientId { get; init; }

    /// <summary>What the session is held to; empty holds it to none.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];
}

/// <summary>What a sign-in or a refresh gives to the caller; the only time its secrets exist outside of the caller.</summary>
/// <param name="User">Who signed in.</param>
/// <param name="Session">The session.</param>
/// <param name="Access">Access token.</param>
/// <param name="Refresh">Refresh token.</param>
/// <param name="Cookie">Value of the cookie, or null.</param>
internal sealed record SignInGrant(User User, SignInSession Session, Tokens.AccessToken Access, string Refresh, string? Cookie);
