using System.Runtime.CompilerServices;
using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.SignIn;

/// <summary>Who a session stands for now: roles and teams are those of this moment, not those of the sign-in. Made once for each change of the user, so that the common path allocates nothing.</summary>
internal sealed class Callers(UserDirectory users)
{
    private readonly ConditionalWeakTable<SignInSession, Made> made = [];

    /// <summary>The caller of a session; null when its user is gone or disabled.</summary>
    public SignedIn? Of(SignInSession session, string strategy)
    {
        if (users.Find(new Place(session.Tenant, session.UserId)) is not { Disabled: false } user) return null;
        if (made.TryGetValue(session, out var known) && ReferenceEquals(known.User, user) && known.SignedIn.Strategy == strategy) return known.SignedIn;
        var signedIn = new SignedIn(new Caller(user.Id, user.DisplayName, [], user.Roles) { Scopes = session.Scopes }, session.Tenant, strategy) { SessionId = session.Id, MustChangePassword = user.MustChangePassword };
        made.AddOrUpdate(session, new Made(user, signedIn));
        return signedIn;
    }

    private sealed record Made(User User, SignedIn SignedIn);
}
