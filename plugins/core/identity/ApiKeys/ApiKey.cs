using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.ApiKeys;

/// <summary>A key of a program as it is stored at <c>keys/{id}</c>: the key itself only as a hash. Immutable.</summary>
internal sealed record ApiKey
{
    /// <summary>Id to name it by.</summary>
    public required string Id { get; init; }

    /// <summary>Whose rights it has, within <see cref="Scopes"/>.</summary>
    public required string UserId { get; init; }

    /// <summary>What it is for.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the key. It has 238 random bits: a slow hash would add nothing.</summary>
    public required string Hash { get; init; }

    /// <summary>Its first and last characters, to recognise it by.</summary>
    public required string Preview { get; init; }

    /// <summary>What it is held to; with none it may do nothing.</summary>
    public ImmutableArray<string> Scopes { get; init; } = [];

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends, or null.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When it was last used, to the minute.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>Requests a minute, or null for the limit of every caller.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Its tenant; known from where it lies.</summary>
    [JsonIgnore]
    public string Tenant { get; init; } = CallContext.DefaultTenant;

    /// <summary>Where it lies.</summary>
    [JsonIgnore]
    public Place Place => new(Tenant, Id);
}
