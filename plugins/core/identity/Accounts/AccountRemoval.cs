using System.Text.Json.Nodes;
using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Accounts;

/// <summary>Deletes accounts: the user, its sessions and keys in one commit, with the event by which plugins delete what they keep of it.</summary>
internal sealed class AccountRemoval(UserDirectory users, SignInSessions sessions, KeyRegister keys, AccountParts parts, SecurityTrail trail)
{
    /// <summary>Deletes an account; false when there is none.</summary>
    public async Task<bool> RemoveAsync(Place place, string actor, Origin origin, CancellationToken cancellationToken)
    {
        if (users.Find(place) is not { } user) return false;
        await sessions.EndAllAsync(place, null, cancellationToken);
        await parts.RemoveAsync(user, cancellationToken);
        if (await users.RemoveAsync(place, _ => [.. sessions.Removals(place), .. keys.Removals(place)], cancellationToken) is null) return false;
        sessions.Forget(place);
        keys.Forget(place);
        await trail.TellAsync("auth.user.deleted", origin, actor, place.Tenant, $"users/{place.Id}", detail: new JsonObject { ["userName"] = user.UserName });
        return true;
    }
}
