using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Nexus.Core.Identity.Http;

/// <summary>A sign-in. The name may come as <c>username</c>, <c>user</c>, <c>name</c>, <c>email</c> or <c>login</c>.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
internal sealed record LoginRequest
{
    public string? Username { get; init; }

    public string? User { get; init; }

    public string? Name { get; init; }

    public string? Email { get; init; }

    public string? Login { get; init; }

    public string? Password { get; init; }

    /// <summary>Code of the second factor.</summary>
    public string? Code { get; init; }

    public string? Tenant { get; init; }

    [JsonPropertyName("remember_me")]
    public bool RememberMe { get; init; }

    /// <summary>Also set a cookie, for pages of this origin.</summary>
    public bool Cookie { get; init; }

    [JsonIgnore]
    public string? Who => Username ?? User ?? Name ?? Email ?? Login;
}

/// <summary>What a sign-in gives; names as in RFC 6749, section 5.1.</summary>
internal sealed record TokenView
{
    [JsonPropertyName("access_token")]
    public required string AccessToken { get; init; }

    [JsonPropertyName("token_type")]
    public string TokenType { get; } = "Bearer";

    [JsonPropertyName("expires_in")]
    public required long ExpiresIn { get; init; }

    [JsonPropertyName("refresh_token")]
    public required string RefreshToken { get; init; }

    [JsonPropertyName("refresh_expires_in")]
    public required long RefreshExpiresIn { get; init; }

    [JsonPropertyName("session_id")]
    public required string SessionId { get; init; }

    [JsonPropertyName("must_change_password")]
    public bool MustChangePassword { get; init; }

    [JsonPropertyName("csrf_token")]
    public string? CsrfToken { get; init; }

    public required UserView User { get; init; }
}

/// <summary>A user as it is sent.</summary>
internal sealed record UserView(string Id, string Username, string? Email, bool EmailVerified, string DisplayName, ImmutableArray<string> Roles);
