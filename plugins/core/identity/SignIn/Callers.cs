using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.ApiKeys;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.SignIn;

/// <summary>Who a session or a key stands for now: roles and teams are those of this moment, not those of the sign-in. Made once for each change of the user or of a group, so that the common path allocates nothing.</summary>
internal sealed class Callers(UserDirectory users, Catalogue catalogue)
{
    // Of a caller that is held to nothing: no permission is called so, and an empty list would hold it to none.
    private static readonly ImmutableArray<string> Nothing = ["-"];

    private readonly ConditionalWeakTable<object, Made> made = [];

    /// <summary>Tenants that are not read yet: nobody of them is known.</summary>
    public AwayTenants Away => catalogue.Away;

    /// <summary>The caller of a session; null when its user is gone or disabled.</summary>
    public SignedIn? Of(SignInSession session, string strategy, string? csrfToken = null)
    {
        if (users.Find(new Place(session.Tenant, session.UserId)) is not { Disabled: false } user) return null;
        return Known(session, user, strategy) ?? Keep(session, user, new SignedIn(Of(user, session.Scopes), session.Tenant, strategy)
        {
            SessionId = session.Id,
            MustChangePassword = user.MustChangePassword,
            CsrfToken = csrfToken,
        });
    }

    /// <summary>The caller of a key; null when its user is gone or disabled.</summary>
    public SignedIn? Of(ApiKey key)
    {
        if (users.Find(new Place(key.Tenant, key.UserId)) is not { Disabled: false } user) return null;
        return Known(key, user, "api-key") ?? Keep(key, user, new SignedIn(Of(user, key.Scopes.IsDefaultOrEmpty ? Nothing : key.Scopes), key.Tenant, "api-key")
        {
            MustChangePassword = user.MustChangePassword,
            LimitKey = $"key:{key.Id}",
            RequestsPerMinute = key.RequestsPerMinute,
        });
    }

    /// <summary>A user as a caller.</summary>
    public Caller Of(User user, ImmutableArray<string> scopes = default) => new(user.Id, user.DisplayName, user.Groups, catalogue.RolesOf(user)) { Scopes = scopes };

    private SignedIn? Known(object anchor, User user, string strategy) =>
        made.TryGetValue(anchor, out var known) && ReferenceEquals(known.User, user) && known.Version == catalogue.Version && known.SignedIn.Strategy == strategy ? known.SignedIn : null;

    private SignedIn Keep(object anchor, User user, SignedIn signedIn)
    {
        made.AddOrUpdate(anchor, new Made(user, catalogue.Version, signedIn));
        return signedIn;
    }

    private sealed record Made(User User, long Version, SignedIn SignedIn);
}
