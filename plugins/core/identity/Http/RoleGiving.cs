using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Policy;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.Http;

/// <summary>Gives and takes roles of users; both hold from the next request on.</summary>
internal sealed class RoleGiving(UserDirectory users, Guard guard, SecurityTrail trail)
{
    /// <summary>Changes the roles of a user.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>, <c>VALIDATION_ERROR</c>, <c>PERMISSION_DENIED</c>, <c>RULE_VIOLATION</c>.</exception>
    public async Task<User> ChangeAsync(HttpContext context, string id, Func<ImmutableArray<string>, IEnumerable<string>> change)
    {
        var user = Asking.User(users, id);
        guard.DemandOver(user);
        var wanted = change(user.Roles).Distinct(StringComparer.Ordinal).ToImmutableArray();
        guard.DemandRoles([.. wanted.Except(user.Roles)], "/roles");
        if (!wanted.Contains(DefaultRoles.Admin)) guard.DemandOtherAdministrator(user);
        var changed = await users.ChangeAsync(user.Place, u => u with { Roles = wanted }, cancellationToken: context.RequestAborted) ?? throw Asking.Missing("user", id);
        await trail.TellAsync("auth.user.roles_changed", Asking.From(context), Asking.Actor, user.Tenant, $"users/{user.Id}", detail: new JsonObject { ["before"] = Texts(user.Roles), ["after"] = Texts(changed.Roles) });
        return changed;
    }

    private static JsonArray Texts(IEnumerable<string> texts) => [.. texts.Select(t => (JsonNode)t)];
}
