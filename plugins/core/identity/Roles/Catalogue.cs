using System.Collections.Immutable;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.Roles;

/// <summary>Roles, groups, policies and tenants, in memory and durable. Thread-safe.</summary>
internal sealed class Catalogue : IDisposable
{
    private long version;

    public Catalogue(Tree tree, AwayTenants away)
    {
        Away = away;
        void Count() => Interlocked.Increment(ref version);
        Roles = new Mirror<Role>(tree, "core/roles", IdentityJson.Default.Role) { Changed = (place, _, _) => Tell(place.Tenant, Count) };
        Groups = new Mirror<Group>(tree, "core/groups", IdentityJson.Default.Group) { Changed = (_, _, _) => Count() };
        Policies = new Mirror<ResourcePolicy>(tree, "core/permissions", IdentityJson.Default.ResourcePolicy) { Changed = (place, _, _) => Tell(place.Tenant, Count) };
        Tenants = new Mirror<Tenant>(tree, "core/tenants", IdentityJson.Default.Tenant);
    }

    /// <summary>Grows with each change of roles, groups and policies.</summary>
    public long Version => Volatile.Read(ref version);

    /// <summary>Tenants that are not read yet.</summary>
    public AwayTenants Away { get; }

    /// <summary>Called when the rights in a tenant changed.</summary>
    public Action<string>? RightsChanged { get; set; }

    public Mirror<Role> Roles { get; }

    public Mirror<Group> Groups { get; }

    public Mirror<ResourcePolicy> Policies { get; }

    public Mirror<Tenant> Tenants { get; }

    /// <summary>Every tenant of the node.</summary>
    public ImmutableArray<string> TenantNames => [CallContext.DefaultTenant, .. Tenants.All(CallContext.DefaultTenant).Select(t => t.Name).Order(StringComparer.Ordinal)];

    /// <summary>Whether there is such a tenant.</summary>
    public bool HasTenant(string name) => name == CallContext.DefaultTenant || Tenants.Find(new Place(CallContext.DefaultTenant, name)) is not null;

    /// <summary>Reads a tenant's part and gives it the roles it lacks.</summary>
    public async Task LoadAsync(string tenant, CancellationToken cancellationToken)
    {
        await Roles.LoadAsync(tenant, cancellationToken);
        await Groups.LoadAsync(tenant, cancellationToken);
        await Policies.LoadAsync(tenant, cancellationToken);
        foreach (var role in DefaultRoles.All) await EnsureAsync(tenant, role, cancellationToken);
    }

    /// <summary>Stores a role that comes with Nexus or a plugin, unless there is one of that name: what an operator changed stays changed.</summary>
    public async ValueTask EnsureAsync(string tenant, Role role, CancellationToken cancellationToken)
    {
        var place = new Place(tenant, role.Name);
        if (Roles.Find(place) is not null) return;
        try
        {
            await Roles.AddAsync(place, role, cancellationToken: cancellationToken);
        }
        catch (StorageConflictException)
        {
            // Another node that starts at this moment stored it.
            await Roles.FollowAsync(place, cancellationToken);
        }
    }

    /// <summary>Takes over what another node changed; null stands for anything of the tenant.</summary>
    public async Task FollowAsync(string tenant, string? path, CancellationToken cancellationToken)
    {
        if (path is null) await Task.WhenAll(Roles.FollowAllAsync(tenant, cancellationToken), Groups.FollowAllAsync(tenant, cancellationToken), Policies.FollowAllAsync(tenant, cancellationToken));
        else _ = await Roles.FollowAsync(tenant, path, cancellationToken) || await Groups.FollowAsync(tenant, path, cancellationToken) || await Policies.FollowAsync(tenant, path, cancellationToken) || await Tenants.FollowAsync(tenant, path, cancellationToken);
    }

    /// <summary>Roles of a user: its own and those of its groups.</summary>
    public ImmutableArray<string> RolesOf(User user) =>
        user.Groups.IsDefaultOrEmpty ? user.Roles
            : [.. user.Roles.Concat(user.Groups.SelectMany(g => Groups.Find(new Place(user.Tenant, g))?.Roles ?? [])).Distinct(StringComparer.Ordinal)];

    /// <summary>Whether a text can be a name of a role, group, policy or tenant: 1 to 64 of <c>a-z 0-9 _ -</c>, beginning with a letter.</summary>
    public static bool IsName(string? name) =>
        name is { Length: >= 1 and <= 64 } && char.IsAsciiLetterLower(name[0]) && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-');

    /// <summary>Stores a new one of a kind, by its name.</summary>
    /// <exception cref="NexusException"><c>UNIQUE_VIOLATION</c>: there is one of that name.</exception>
    public static async ValueTask AddAsync<T>(Mirror<T> kind, Place place, T value, string noun, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            await kind.AddAsync(place, value, cancellationToken: cancellationToken);
        }
        catch (StorageConflictException)
        {
            throw Taken(noun, place.Id);
        }
    }

    /// <summary>There is one of that name.</summary>
    public static NexusException Taken(string noun, string name) =>
        new(ErrorCodes.UniqueViolation, $"There is a {noun} {name}.") { Errors = [new FieldError("/name", "taken", $"Another {noun} has this name.")] };

    public void Dispose()
    {
        Roles.Dispose();
        Groups.Dispose();
        Policies.Dispose();
        Tenants.Dispose();
    }

    private void Tell(string tenant, Action count)
    {
        count();
        RightsChanged?.Invoke(tenant);
    }
}
