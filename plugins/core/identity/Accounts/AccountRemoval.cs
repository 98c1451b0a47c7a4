using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Accounts;

/// <summary>What else of a user identity keeps, such as a second factor.</summary>
internal interface IAccountPart
{
    /// <summary>The writes that remove it together with the user.</summary>
    ValueTask<ImmutableArray<DocumentWrite>> RemovalsAsync(User user, CancellationToken cancellationToken);
}

/// <summary>Deletes accounts: the user, its sessions, keys and everything else of it in one commit, with the event by which plugins delete what they keep of it.</summary>
internal sealed class AccountRemoval(UserDirectory users, SignInSessions sessions, KeyRegister keys, IEnumerable<IAccountPart> parts, SecurityTrail trail)
{
    /// <summary>Deletes an account; false when there is none.</summary>
    public async Task<bool> RemoveAsync(Place place, string actor, Origin origin, CancellationToken cancellationToken)
    {
        if (users.Find(place) is not { } user) return false;
        var also = ImmutableArray.CreateBuilder<DocumentWrite>();
        foreach (var part in parts) also.AddRange(await part.RemovalsAsync(user, cancellationToken));
        await sessions.EndAllAsync(place, null, cancellationToken);
        if (await users.RemoveAsync(place, _ => [.. sessions.Removals(place), .. keys.Removals(place), .. also], cancellationToken) is null) return false;
        sessions.Forget(place);
        keys.Forget(place);
        await trail.TellAsync("auth.user.deleted", origin, actor, place.Tenant, $"users/{place.Id}", detail: new JsonObject { ["userName"] = user.UserName });
        return true;
    }
}
