using System.Collections.Immutable;

namespace Nexus.Core.Identity.Roles;

/// <summary>A role as it is stored at <c>core/roles/{name}</c>. Immutable.</summary>
internal sealed record Role
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for.</summary>
    public string? Description { get; init; }

    /// <summary>What it allows, in the grammar of <see cref="Policy.Grant"/>.</summary>
    public ImmutableArray<string> Permissions { get; init; } = [];

    /// <summary>Roles whose permissions it has too.</summary>
    public ImmutableArray<string> Inherits { get; init; } = [];

    /// <summary>Nexus or a plugin brought it: it cannot be deleted.</summary>
    public bool BuiltIn { get; init; }
}

/// <summary>A group or team as it is stored at <c>core/groups/{name}</c>. Its members are named by the users themselves.</summary>
internal sealed record Group
{
    /// <summary>Its name; the team of records that its members make.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for.</summary>
    public string? Description { get; init; }

    /// <summary>Roles that its members have.</summary>
    public ImmutableArray<string> Roles { get; init; } = [];
}

/// <summary>A rule about resources by pattern, beside the roles, as it is stored at <c>core/permissions/{name}</c>. Denial wins over whatever allows.</summary>
internal sealed record ResourcePolicy
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for.</summary>
    public string? Description { get; init; }

    /// <summary><c>allow</c> or <c>deny</c>.</summary>
    public required string Effect { get; init; }

    /// <summary>Patterns of resources, such as <c>orders/*</c> or <c>finance.*</c>, and single records, <c>{resource}/{id}</c>, which are shared with whom the policy names, whatever its scope.</summary>
    public ImmutableArray<string> Resources { get; init; } = [];

    /// <summary>Actions, or <c>*</c>.</summary>
    public ImmutableArray<string> Actions { get; init; } = [];

    /// <summary>What it allows: <c>own</c>, <c>team</c> or <c>all</c>.</summary>
    public string Scope { get; init; } = "all";

    /// <summary>For whom: roles; with no role, group and user it is for all who signed in.</summary>
    public ImmutableArray<string> Roles { get; init; } = [];

    /// <summary>For whom: groups.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>For whom: ids of users.</summary>
    public ImmutableArray<string> Users { get; init; } = [];
}

/// <summary>A tenant as it is stored at <c>core/tenants/{name}</c> of the node's own tenant.</summary>
internal sealed record Tenant
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it is for.</summary>
    public string? Description { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; init; }
}
