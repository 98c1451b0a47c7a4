using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Passwords;

namespace Nexus.Core.Identity.SignIn;

/// <summary>Sign-in by name or address and password. Who does not know the password learns nothing about accounts: neither from texts nor from times.</summary>
internal sealed class PasswordSignIn(UserDirectory users, PasswordHashing hashing, SignInSessions sessions, IEnumerable<ISecondFactor> factors)
{
    public async ValueTask<SignInGrant> SignInAsync(string tenant, string name, string password, string? code, SignInOrigin origin, CancellationToken cancellationToken) =>
        await sessions.BeginAsync(await VerifyAsync(tenant, name, password, code, cancellationToken), origin, cancellationToken);

    /// <summary>The user whose name, password and second factor these are; makes no session.</summary>
    public async ValueTask<User> VerifyAsync(string tenant, string name, string password, string? code, CancellationToken cancellationToken)
    {
        var user = users.FindByLogin(tenant, name);
        if (!await hashing.VerifyAsync(user?.PasswordHash, password, cancellationToken))
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The name or the password is wrong.");
        if (user!.Disabled) throw new NexusException(ErrorCodes.AccountDisabled, "An administrator has disabled this account.");
        foreach (var factor in factors)
        {
            switch (await factor.CheckAsync(user, code, cancellationToken))
            {
                case SecondFactorResult.Missing:
                    throw new NexusException(ErrorCodes.TwoFactorRequired, "This account needs a second proof: send the code along.");
                case SecondFactorResult.Wrong:
                    throw new NexusException(ErrorCodes.CredentialsInvalid, "The code is wrong or was used before.");
                default:
                    break;
            }
        }

        return user;
    }
}
