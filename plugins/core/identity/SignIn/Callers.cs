using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.SignIn;

/// <summary>Who a session stands for now: roles and teams are those of this moment, not those of the sign-in. Made once for each change of the user, so that the common path allocates nothing.</summary>
internal sealed class Callers(UserDirectory users, Catalogue catalogue)
{
    private readonly ConditionalWeakTable<SignInSession, Made> made = [];

    /// <summary>The caller of a session; null when its user is gone or disabled.</summary>
    public SignedIn? Of(SignInSession session, string strategy)
    {
        if (users.Find(new Place(session.Tenant, session.UserId)) is not { Disabled: false } user) return null;
        var version = catalogue.Version;
        if (made.TryGetValue(session, out var known) && ReferenceEquals(known.User, user) && known.Version == version && known.SignedIn.Strategy == strategy) return known.SignedIn;
        var signedIn = new SignedIn(Of(user, session.Scopes), session.Tenant, strategy) { SessionId = session.Id, MustChangePassword = user.MustChangePassword };
        made.AddOrUpdate(session, new Made(user, version, signedIn));
        return signedIn;
    }

    /// <summary>A user as a caller.</summary>
    public Caller Of(User user, ImmutableArray<string> scopes = default) => new(user.Id, user.DisplayName, user.Groups, catalogue.RolesOf(user)) { Scopes = scopes };

    private sealed record Made(User User, long Version, SignedIn SignedIn);
}
