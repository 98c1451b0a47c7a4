using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Policy;
using Nexus.Core.Identity.Roles;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Http;

/// <summary>What a sign-in gives; names as in RFC 6749, section 5.1.</summary>
internal sealed record TokenView
{
    [JsonPropertyName("access_token")]
    public required string AccessToken { get; init; }

    [JsonPropertyName("token_type")]
    public string TokenType { get; init; } = "Bearer";

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

    /// <summary>A grant as it is sent.</summary>
    public static TokenView Of(SignInGrant grant, Catalogue catalogue, TimeProvider time) => new()
    {
        AccessToken = grant.Access.Text,
        ExpiresIn = (long)Math.Round((grant.Access.ExpiresAt - time.GetUtcNow()).TotalSeconds),
        RefreshToken = grant.Refresh,
        RefreshExpiresIn = (long)Math.Round((grant.Session.ExpiresAt - time.GetUtcNow()).TotalSeconds),
        SessionId = grant.Session.Id,
        MustChangePassword = grant.User.MustChangePassword,
        CsrfToken = grant.Cookie is { } cookie && SessionCookie.Parse(cookie) is { } parsed ? SessionCookie.CsrfToken(parsed.Secret) : null,
        User = UserView.Of(grant.User, catalogue),
    };
}

/// <summary>A user as it is sent.</summary>
internal sealed record UserView(string Id, string Username, string? Email, bool EmailVerified, string DisplayName, ImmutableArray<string> Roles, ImmutableArray<string> Groups)
{
    /// <summary>Roles by groups and its own.</summary>
    public ImmutableArray<string> EffectiveRoles { get; init; } = [];

    public string? Tenant { get; init; }

    public string? Status { get; init; }

    public bool MustChangePassword { get; init; }

    public JsonObject? Profile { get; init; }

    public JsonObject? Preferences { get; init; }

    public DateTimeOffset? CreatedAt { get; init; }

    public DateTimeOffset? UpdatedAt { get; init; }

    public DateTimeOffset? LockedUntil { get; init; }

    /// <summary>A user as it is sent.</summary>
    public static UserView Of(User user, Catalogue catalogue, DateTimeOffset? lockedUntil = null) => new(user.Id, user.UserName, user.Email, user.EmailVerified, user.DisplayName, user.Roles, user.Groups)
    {
        EffectiveRoles = catalogue.RolesOf(user),
        Tenant = user.Tenant,
        Status = user.Disabled ? "disabled" : lockedUntil is not null ? "locked" : user is { Email: not null, EmailVerified: false } ? "unverified" : "active",
        MustChangePassword = user.MustChangePassword,
        Profile = user.Profile,
        Preferences = user.Preferences,
        CreatedAt = user.CreatedAt,
        UpdatedAt = user.UpdatedAt,
        LockedUntil = lockedUntil,
    };
}

/// <summary>A sign-in session as it is sent.</summary>
internal sealed record SessionView(string Id, string Method, bool Current, bool Remember, DateTimeOffset CreatedAt, DateTimeOffset LastUsedAt, DateTimeOffset ExpiresAt, string? Address, string? UserAgent, string? Client)
{
    public static SessionView Of(SignInSession session, string? current) =>
        new(session.Id, session.Method, session.Id == current, session.Remember, session.CreatedAt, session.LastUsedAt, session.ExpiresAt, session.Address, session.UserAgent, session.ClientId);
}

/// <summary>A key as it is listed: never the key itself.</summary>
internal sealed record KeyView(string Id, string Name, string Preview, ImmutableArray<string> Scopes, DateTimeOffset CreatedAt)
{
    [JsonPropertyName("expires_at")]
    public DateTimeOffset? ExpiresAt { get; init; }

    [JsonPropertyName("last_used")]
    public DateTimeOffset? LastUsed { get; init; }

    [JsonPropertyName("requests_per_minute")]
    public int? RequestsPerMinute { get; init; }

    public string? User { get; init; }

    /// <summary>The key itself, in the answer to its making only.</summary>
    public string? Key { get; init; }

    public static KeyView Of(ApiKey key, string? text = null) => new(key.Id, key.Name, key.Preview, key.Scopes, key.CreatedAt)
    {
        ExpiresAt = key.ExpiresAt,
        LastUsed = key.LastUsedAt,
        RequestsPerMinute = key.RequestsPerMinute,
        User = key.UserId,
        Key = text,
    };
}

/// <summary>A decision as it is sent.</summary>
internal sealed record DecisionView(string Permission, bool Allowed, string Scope, string Reason, string? Role, string? Policy)
{
    public static DecisionView Of(string permission, Ruling ruling, AccessScope asked) =>
        new(permission, ruling.Scope != AccessScope.None && ruling.Scope >= asked, Name(ruling.Scope), ruling.Reason, ruling.Role, ruling.Policy);

    private static string Name(AccessScope scope) => scope switch
    {
        AccessScope.None => "none",
        AccessScope.Own => "own",
        AccessScope.Team => "team",
        _ => "all",
    };
}

/// <summary>Answers to a question about permissions; the first decision's members stand outside too when there is one only.</summary>
internal sealed record CheckView(string User, bool Allowed, ImmutableArray<DecisionView> Results)
{
    public string? Scope { get; init; }

    public string? Reason { get; init; }

    public string? Role { get; init; }
}

/// <summary>How identity stands.</summary>
internal sealed record StatusView(bool Registration, string? Manager, ImmutableArray<string>? Strategies, bool? EmailVerification, string? PasswordHash, string? LocalTokenFile);

/// <summary>A role with what it inherits, as it is listed.</summary>
internal sealed record RoleView(string Name, string? Description, ImmutableArray<string> Permissions, ImmutableArray<string> Inherits, bool BuiltIn, int Users);

/// <summary>Roles and the names of scopes.</summary>
internal sealed record RolesView(ImmutableArray<RoleView> Roles, ImmutableSortedDictionary<string, ImmutableArray<string>> Scopes);

/// <summary>A group with its members.</summary>
internal sealed record GroupView(string Name, string? Description, ImmutableArray<string> Roles, ImmutableArray<MemberView> Members);

/// <summary>A member of a group.</summary>
internal sealed record MemberView(string Id, string Username, string DisplayName);

/// <summary>How many sessions ended.</summary>
internal sealed record EndedView(int Ended);

/// <summary>A text for people.</summary>
internal sealed record MessageView(string Message);

/// <summary>What a password must be.</summary>
internal sealed record PasswordRulesView(int MinimumLength, int MaximumLength, int Classes, int PassphraseLength, int History, int Attempts, int LockoutSeconds);

/// <summary>A list.</summary>
internal sealed record ListView<T>(ImmutableArray<T> Items, string? NextCursor = null, int? Total = null);
