using System.Collections.Immutable;

namespace Nexus.Core.Identity.OpenId;

/// <summary>A public client of the issuer: a program that signs users in here and can keep no secret (RFC 6749 section 2.1). Immutable.</summary>
internal sealed record Client
{
    /// <summary>Scope that lets a client do all that its user may; only trusted clients get it.</summary>
    public const string EverythingScope = "api";

    /// <summary>Scopes that every client may ask for.</summary>
    public static readonly ImmutableArray<string> IdentityScopes = ["openid", "profile", "email", "offline_access"];

    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Its name for people.</summary>
    public required string Name { get; init; }

    /// <summary>Where codes may be sent: compared character by character, but for the port of a loopback address.</summary>
    public required ImmutableArray<string> RedirectUris { get; init; }

    /// <summary>Where browsers may go after signing out.</summary>
    public ImmutableArray<string> PostLogoutRedirectUris { get; init; } = [];

    /// <summary>Permissions it may ask for besides the identity scopes, such as <c>finance.ledger.books:read</c>.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>One of our own programs: users are not asked for their consent, and it may ask for the scope <c>api</c>.</summary>
    public bool Trusted { get; init; }

    /// <summary>When it was registered.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Whether codes may be sent to an address. RFC 8252 section 7.3: programs on a device listen on whatever port is free.</summary>
    public bool Takes(string redirect) => RedirectUris.Any(registered => registered == redirect || IsSameLoopback(registered, redirect));

    /// <summary>Whether it may ask for a scope.</summary>
    public bool MayAskFor(string scope) => IdentityScopes.Contains(scope) || (scope == EverythingScope ? Trusted : Scopes.Contains(scope));

    private static bool IsSameLoopback(string registered, string redirect) =>
        Uri.TryCreate(registered, UriKind.Absolute, out var known) && known is { Scheme: "http", Host: "127.0.0.1" or "[::1]" }
        && Uri.TryCreate(redirect, UriKind.Absolute, out var asked) && asked.Scheme == "http" && asked.Host == known.Host && asked.UserInfo.Length == 0
        && redirect == $"http://{known.Host}:{asked.Port}{known.PathAndQuery}";
}

/// <summary>Asks for a client to be registered.</summary>
internal sealed record ClientRequest(string? Id, string? Name, ImmutableArray<string>? RedirectUris, ImmutableArray<string>? PostLogoutRedirectUris, ImmutableArray<string>? Scopes, bool Trusted = false);

/// <summary>All clients.</summary>
internal sealed record ClientList(ImmutableArray<Client> Items);
