using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Nexus.Core.Identity.Accounts;

/// <summary>A user as it is stored at <c>core/users/{id}</c>. Immutable.</summary>
internal sealed record User
{
    /// <summary>Id: never changes and is never used again.</summary>
    public required string Id { get; init; }

    /// <summary>Name to sign in with.</summary>
    public required string UserName { get; init; }

    /// <summary>Address of mail, or null.</summary>
    public string? Email { get; init; }

    /// <summary>The address was proved to be the user's.</summary>
    public bool EmailVerified { get; init; }

    /// <summary>Name for people.</summary>
    public required string DisplayName { get; init; }

    /// <summary>Encoded hash with its method and parameters; null when the user has no password and signs in otherwise.</summary>
    public string? PasswordHash { get; init; }

    /// <summary>When the password was last set.</summary>
    public DateTimeOffset? PasswordChangedAt { get; init; }

    /// <summary>Hashes of earlier passwords, newest first.</summary>
    public ImmutableArray<string> PasswordHistory { get; init; } = [];

    /// <summary>The user may do nothing but change the password.</summary>
    public bool MustChangePassword { get; init; }

    /// <summary>An administrator took the right to sign in.</summary>
    public bool Disabled { get; init; }

    /// <summary>Roles given directly; groups give more.</summary>
    public ImmutableArray<string> Roles { get; init; } = [];

    /// <summary>Groups and teams it belongs to.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>What the user tells about itself: free fields such as <c>phone</c>, <c>title</c>.</summary>
    public JsonObject? Profile { get; init; }

    /// <summary>What the user prefers: <c>currency</c>, <c>language</c>, <c>theme</c> and others.</summary>
    public JsonObject? Preferences { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was last changed.</summary>
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Last successful sign-in, to the minute.</summary>
    public DateTimeOffset? LastSignInAt { get; init; }

    /// <summary>Its tenant; known from where it lies.</summary>
    [JsonIgnore]
    public string Tenant { get; init; } = CallContext.DefaultTenant;

    /// <summary>Where it lies.</summary>
    [JsonIgnore]
    public Place Place => new(Tenant, Id);
}
