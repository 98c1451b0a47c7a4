using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.Tokens;
using Nexus.Core.Identity.Totp;

namespace Nexus.Core.Identity.SignIn;

/// <summary>
/// Sign-in by name or address and password. Who does not know the password learns nothing about accounts, neither from texts nor from times:
/// names that do not exist are counted, locked and hashed for as those that do. What is wrong with an account is told after its password held.
/// </summary>
internal sealed class PasswordSignIn(UserDirectory users, PasswordHashing hashing, PasswordChanges passwords, SignInSessions sessions, IEnumerable<ISecondFactor> factors, SecurityTrail trail, IOptions<IdentityOptions> options)
{
    /// <summary>Signs in.</summary>
    /// <exception cref="NexusException"><c>CREDENTIALS_INVALID</c>, <c>ACCOUNT_LOCKED</c>, <c>ACCOUNT_DISABLED</c>, <c>EMAIL_NOT_VERIFIED</c>, <c>TWO_FACTOR_REQUIRED</c>.</exception>
    public async ValueTask<SignInGrant> SignInAsync(string tenant, string name, string password, string? code, SignInOrigin origin, CancellationToken cancellationToken)
    {
        var where = new Origin(origin.Address, origin.UserAgent, CallContext.Current.CorrelationId);
        var user = await VerifyAsync(tenant, name, password, code, where, cancellationToken);
        var grant = await sessions.BeginAsync(user, origin, cancellationToken);
        await trail.TellAsync("auth.login.succeeded", where, user.Id, tenant, $"sessions/{grant.Session.Id}", detail: new JsonObject { ["method"] = origin.Method });
        return grant;
    }

    /// <summary>The user whose name, password and second factor these are; makes no session.</summary>
    public ValueTask<User> VerifyAsync(string tenant, string name, string password, string? code, CancellationToken cancellationToken) =>
        VerifyAsync(tenant, name, password, code, Origin.Node with { CorrelationId = CallContext.Current.CorrelationId }, cancellationToken);

    private async ValueTask<User> VerifyAsync(string tenant, string name, string password, string? code, Origin where, CancellationToken cancellationToken)
    {
        User? user = null;
        try
        {
            user = users.FindByLogin(tenant, name);
            await CheckPasswordAsync(tenant, name, password, user, cancellationToken);
            await CheckAccountAsync(user!, code, cancellationToken);
        }
        catch (NexusException e)
        {
            await trail.TellAsync("auth.login.failed", where, user?.Id ?? "anonymous", tenant, user is null ? null : $"users/{user.Id}", AuditResult.Denied, new JsonObject { ["code"] = e.Code });
            throw;
        }

        if (!hashing.IsDated(user!.PasswordHash!)) return user;
        var renewed = await hashing.HashAsync(password, cancellationToken);
        return await users.ChangeAsync(user.Place, u => u.PasswordHash == user.PasswordHash ? u with { PasswordHash = renewed } : u, cancellationToken: cancellationToken) ?? user;
    }

    private async Task CheckPasswordAsync(string tenant, string name, string password, User? user, CancellationToken cancellationToken)
    {
        // An unknown name is a place of its own, which no id can be; by its hash, because people type passwords where names belong.
        var who = user?.Place ?? new Place(tenant, "?" + Tickets.Hash(Names.Key(name) ?? ""));
        await passwords.ConfirmAsync(who, user?.PasswordHash, password, cancellationToken);
    }

    private async Task CheckAccountAsync(User user, string? code, CancellationToken cancellationToken)
    {
        if (user.Disabled) throw new NexusException(ErrorCodes.AccountDisabled, "An administrator has disabled this account.");
        if (options.Value.EmailVerification && user is { EmailVerified: false, Email: not null }) throw new NexusException(ErrorCodes.EmailNotVerified, "Open the link in the letter that was sent when you registered, or ask for another one.");
        foreach (var factor in factors)
        {
            switch (await factor.CheckAsync(user, code, cancellationToken))
            {
                case SecondFactorResult.Missing:
                    throw new TwoFactorNeededException(user);
                case SecondFactorResult.Wrong:
                    throw new NexusException(ErrorCodes.CredentialsInvalid, "The code is wrong or was used before.");
                default:
                    break;
            }
        }
    }
}
