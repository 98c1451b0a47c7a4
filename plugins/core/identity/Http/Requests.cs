using System.Collections.Immutable;
using System.Text.Json.Nodes;
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

    public string? Pass { get; init; }

    /// <summary>Code of the second factor.</summary>
    public string? Code { get; init; }

    public string? Tenant { get; init; }

    public bool RememberMe { get; init; }

    /// <summary>Also set a cookie, for pages of this origin.</summary>
    public bool Cookie { get; init; }

    [JsonIgnore]
    public string? Who => Username ?? User ?? Email ?? Login ?? Name;
}

/// <summary>A refresh, or a sign-out of a session by its token.</summary>
internal sealed record RefreshRequest(string? RefreshToken);

/// <summary>A registration.</summary>
internal sealed record RegisterRequest(string? Username, string? Email, string? Password, string? DisplayName, string? Name, string? Tenant);

/// <summary>Something sent to an address.</summary>
internal sealed record AddressRequest(string? Email, string? Username, string? Tenant);

/// <summary>A token of a letter.</summary>
internal sealed record TokenRequest(string? Token);

/// <summary>A change of password.</summary>
internal sealed record PasswordChangeRequest(string? CurrentPassword, string? OldPassword, string? NewPassword);

/// <summary>A new password by a token.</summary>
internal sealed record PasswordResetRequest(string? Token, string? NewPassword, string? Password);

/// <summary>A password to confirm with.</summary>
internal sealed record ConfirmRequest(string? Password);

/// <summary>A change of the own profile.</summary>
internal sealed record ProfileRequest(string? DisplayName, string? Name, string? Email, JsonObject? Profile);

/// <summary>A question about permissions.</summary>
internal sealed record CheckRequest(string? User, string? UserId, string? Tenant, ImmutableArray<string>? Permissions, string? Permission, string? Resource, string? Action, string? Scope);

/// <summary>A user by an administrator.</summary>
internal sealed record UserRequest(string? Username, string? Email, string? DisplayName, string? Name, string? Password, ImmutableArray<string>? Roles, ImmutableArray<string>? Groups, bool? Disabled, bool? EmailVerified, bool? MustChangePassword, JsonObject? Profile);

/// <summary>Roles of a user.</summary>
internal sealed record RolesRequest(ImmutableArray<string>? Roles);

/// <summary>A role.</summary>
internal sealed record RoleRequest(string? Name, string? Description, ImmutableArray<string>? Permissions, ImmutableArray<string>? Inherits);

/// <summary>A group.</summary>
internal sealed record GroupRequest(string? Name, string? Description, ImmutableArray<string>? Roles);

/// <summary>A policy.</summary>
internal sealed record PolicyRequest(string? Name, string? Description, string? Effect, ImmutableArray<string>? Resources, ImmutableArray<string>? Actions, string? Scope, ImmutableArray<string>? Roles, ImmutableArray<string>? Groups, ImmutableArray<string>? Users);

/// <summary>A tenant, with its first administrator.</summary>
internal sealed record TenantRequest(string? Name, string? Description, UserRequest? Administrator);

/// <summary>A key.</summary>
internal sealed record KeyRequest(string? Name, ImmutableArray<string>? Scopes, ImmutableArray<string>? Permissions, DateTimeOffset? ExpiresAt, int? ExpiresInDays, int? RequestsPerMinute, string? User);

/// <summary>Compile-time JSON of requests. An unknown member is an error: a misspelt field must not be lost in silence.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(LoginRequest))]
[JsonSerializable(typeof(RefreshRequest))]
[JsonSerializable(typeof(RegisterRequest))]
[JsonSerializable(typeof(AddressRequest))]
[JsonSerializable(typeof(TokenRequest))]
[JsonSerializable(typeof(PasswordChangeRequest))]
[JsonSerializable(typeof(PasswordResetRequest))]
[JsonSerializable(typeof(ConfirmRequest))]
[JsonSerializable(typeof(ProfileRequest))]
[JsonSerializable(typeof(CheckRequest))]
[JsonSerializable(typeof(UserRequest))]
[JsonSerializable(typeof(RolesRequest))]
[JsonSerializable(typeof(RoleRequest))]
[JsonSerializable(typeof(GroupRequest))]
[JsonSerializable(typeof(PolicyRequest))]
[JsonSerializable(typeof(TenantRequest))]
[JsonSerializable(typeof(KeyRequest))]
internal sealed partial class RequestJson : JsonSerializerContext;
