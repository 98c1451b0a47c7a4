using System.Collections.Immutable;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.Policy;

/// <summary>Who manages users and roles hands out no more than it has, takes over nobody who may do more, and leaves the node an administrator.</summary>
internal sealed class Guard(AccessPolicy policy, Catalogue catalogue, UserDirectory users)
{
    /// <summary>Demands that these roles exist and that the caller could do all that they allow.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>, <c>PERMISSION_DENIED</c>.</exception>
    public void DemandRoles(IReadOnlyCollection<string> roles, string pointer)
    {
        var tenant = CallContext.Current.Tenant;
        AccountFields.Throw([.. roles.Where(r => catalogue.Roles.Find(new Place(tenant, r)) is null).Select(r => new FieldError(pointer, "unknown_role", $"There is no role {r}."))]);
        DemandGrants(policy.GrantsOf(tenant, roles));
    }

    /// <summary>Demands that the caller has these grants itself.</summary>
    /// <exception cref="NexusException"><c>PERMISSION_DENIED</c>, naming those that it lacks.</exception>
    public void DemandGrants(IEnumerable<Grant> grants)
    {
        if (policy.Missing(CallContext.Current, grants) is { IsEmpty: false } missing)
            throw new NexusException(ErrorCodes.PermissionDenied, $"Nobody can give what it does not have; {CallContext.Current.Caller.Name} lacks {string.Join(", ", missing.Take(5))}.");
    }

    /// <summary>Demands that the caller may do all that a user may, before it changes that user.</summary>
    /// <exception cref="NexusException"><c>PERMISSION_DENIED</c>.</exception>
    public void DemandOver(User user)
    {
        if (user.Id != CallContext.Current.Caller.Id) DemandGrants(policy.GrantsOf(user.Tenant, catalogue.RolesOf(user)));
    }

    /// <summary>Demands that groups exist.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>, <c>PERMISSION_DENIED</c>.</exception>
    public void DemandGroups(ImmutableArray<string> groups, string pointer)
    {
        var tenant = CallContext.Current.Tenant;
        AccountFields.Throw([.. groups.Where(g => catalogue.Groups.Find(new Place(tenant, g)) is null).Select(g => new FieldError(pointer, "unknown_group", $"There is no group {g}."))]);
        DemandGrants(policy.GrantsOf(tenant, groups.SelectMany(g => catalogue.Groups.Find(new Place(tenant, g))!.Roles)));
    }

    /// <summary>Demands that the tenant keeps an administrator without this user.</summary>
    /// <exception cref="NexusException"><c>RULE_VIOLATION</c>.</exception>
    public void DemandOtherAdministrator(User user)
    {
        if (IsAdministrator(user) && !users.All(user.Tenant).Any(u => u.Id != user.Id && IsAdministrator(u)))
            throw new RuleViolationException($"{user.UserName} is the last administrator; make another user one first.");
    }

    private bool IsAdministrator(User user) => !user.Disabled && catalogue.RolesOf(user).Contains(DefaultRoles.Admin);
}
