using System.Text.Json;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.External;

/// <summary>
/// Which account an identity of another site is. 1. The one it was linked to. 2. The one with the same address, when both the site and we have proved it:
/// were one of the two enough, whoever claims an address over there, or registered it here before its owner came, would get the other's account.
/// 3. A new one, which has the address only when the site has proved it.
/// </summary>
internal sealed class ExternalAccounts(UserDirectory users, Tree tree, IOptionsMonitor<ExternalOptions> options, IOptions<IdentityOptions> identity, TimeProvider time)
{
    /// <summary>The account of an identity in a tenant; each has its own.</summary>
    /// <exception cref="NexusException"><c>EXTERNAL_SIGN_IN_REFUSED</c>: there is none and none is made; <c>ACCOUNT_DISABLED</c>.</exception>
    public async Task<User> ResolveAsync(ExternalIdentity found, string tenant, CancellationToken cancellationToken)
    {
        var path = PathOf(found);
        var link = await tree.FindAsync(tenant, path, cancellationToken);
        if (link?.Value.Deserialize(ExternalJson.Default.ExternalLink) is { } known && users.Find(new Place(known.Tenant, known.User)) is { } linked)
            return Allowed(linked);
        var email = found is { EmailVerified: true, Email: { } address } && Names.IsEmail(address) ? address : null;
        if (email is not null && users.FindByLogin(tenant, email) is { } same)
        {
            if (!same.EmailVerified || Names.Key(same.Email) != Names.Key(email))
                throw new NexusException(ErrorCodes.ExternalSignInRefused, "An account has this address and has not proved it. Sign in to it with its password and verify the address; then this sign-in is linked to it.");
            Allowed(same);
            await tree.CommitAsync(tenant, [Link(path, found, same, link?.Revision ?? 0)], cancellationToken: cancellationToken);
            return same;
        }

        return options.CurrentValue.NewAccounts
            ? await AddAsync(found, tenant, email, path, link?.Revision ?? 0, cancellationToken)
            : throw new NexusException(ErrorCodes.ExternalSignInRefused, "No account here belongs to this sign-in, and none is made.");
    }

    private static User Allowed(User user) => user.Disabled ? throw new NexusException(ErrorCodes.AccountDisabled, "An administrator has disabled this account.") : user;

    private async Task<User> AddAsync(ExternalIdentity found, string tenant, string? email, string path, long revision, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var wanted = Name(email?.Split('@')[0] ?? found.Name);
        for (var attempt = 0; ; attempt++)
        {
            var user = new User
            {
                Id = Guid.CreateVersion7(now).ToString(),
                Tenant = tenant,
                UserName = attempt == 0 && users.FindByLogin(tenant, wanted) is null ? wanted : $"{wanted}-{Secrets.Random()[..8].ToLowerInvariant()}",
                DisplayName = found.Name is { Length: > 0 and <= 200 } name && !name.Any(char.IsControl) ? name : wanted,
                Email = email,
                EmailVerified = email is not null,
                Roles = [identity.Value.RegisteredRole],
                CreatedAt = now,
                UpdatedAt = now,
            };
            try
            {
                return await users.AddAsync(user, [Link(path, found, user, revision)], cancellationToken);
            }
            catch (NexusException taken) when (taken.Code == ErrorCodes.UniqueViolation && attempt < 3)
            {
                // Somebody took the name in between, or the same sign-in came twice at once: the link tells.
                if ((await tree.FindAsync(tenant, path, cancellationToken))?.Value.Deserialize(ExternalJson.Default.ExternalLink) is { } made && users.Find(new Place(made.Tenant, made.User)) is { } winner)
                    return Allowed(winner);
            }
        }
    }

    private static string Name(string? from)
    {
        var name = string.Concat((from ?? "").Where(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')).Trim('.', '-', '_');
        return name.Length == 0 ? "user" : name[..Math.Min(name.Length, 40)];
    }

    private static string PathOf(ExternalIdentity identity) => $"external/{Tickets.Hash($"{identity.Issuer}\n{identity.Subject}")}";

    private DocumentWrite Link(string path, ExternalIdentity from, User to, long revision) =>
        new(path, JsonSerializer.SerializeToNode(new ExternalLink(from.Issuer, from.Subject, to.Id, to.Tenant, time.GetUtcNow()), ExternalJson.Default.ExternalLink), revision);
}

/// <summary>An identity of another site and the account it was linked to.</summary>
internal sealed record ExternalLink(string Issuer, string Subject, string User, string Tenant, DateTimeOffset At);
