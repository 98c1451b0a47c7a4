using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Audit;
using Nexus.Core.Identity.Mail;
using Nexus.Core.Identity.Passwords;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.Accounts;

/// <summary>How accounts begin: by registration with a proof of the address, or by an administrator.</summary>
internal sealed class Registration(UserDirectory users, PasswordHashing hashing, PasswordPolicy policy, Letters letters, SecurityTrail trail, IOptions<IdentityOptions> options, TimeProvider time)
{
    /// <summary>Makes an account for who asks. With e-mail verification it cannot sign in before the link of the letter was opened.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c> with every error; <c>UNIQUE_VIOLATION</c>; <c>PERMISSION_DENIED</c>: this node does not take registrations.</exception>
    public async Task<User> RegisterAsync(string tenant, NewAccount wanted, Origin origin, CancellationToken cancellationToken)
    {
        if (!options.Value.Registration) throw new NexusException(ErrorCodes.PermissionDenied, "This node does not take registrations; ask an administrator for an account.");
        var user = await AddAsync(tenant, wanted with { Roles = [options.Value.RegisteredRole], EmailVerified = false, MustChangePassword = false }, emailNeeded: options.Value.EmailVerification, cancellationToken);
        await trail.TellAsync("auth.user.registered", origin, user.Id, tenant, $"users/{user.Id}", detail: new JsonObject { ["userName"] = user.UserName });
        if (user.Email is not null && options.Value.EmailVerification) await SendAsync(user, cancellationToken);
        return user;
    }

    /// <summary>Makes an account.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c> with every error; <c>UNIQUE_VIOLATION</c>.</exception>
    public async Task<User> AddAsync(string tenant, NewAccount wanted, bool emailNeeded, CancellationToken cancellationToken)
    {
        var name = wanted.UserName?.Trim() is { Length: > 0 } given ? given : wanted.Email?.Split('@')[0];
        var errors = new List<FieldError>();
        if (!Names.IsUserName(name)) errors.Add(new FieldError("/username", "form", "1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit."));
        if (wanted.Email is not null ? !Names.IsEmail(wanted.Email) : emailNeeded) errors.Add(new FieldError("/email", wanted.Email is null ? "required" : "form", "An e-mail address such as ada@example.org is needed."));
        if (wanted.DisplayName is { } shown && !AccountFields.IsText(shown, 200)) errors.Add(new FieldError("/displayName", "max_length", "At most 200 characters."));
        if (wanted.Password is not null || emailNeeded) errors.AddRange(policy.Check(wanted.Password, name ?? "", wanted.Email, "/password"));
        AccountFields.Throw(errors);
        var now = time.GetUtcNow();
        return await users.AddAsync(new User
        {
            Id = Guid.CreateVersion7(now).ToString(),
            Tenant = tenant,
            UserName = name!,
            Email = wanted.Email,
            EmailVerified = wanted.EmailVerified,
            DisplayName = string.IsNullOrWhiteSpace(wanted.DisplayName) ? name! : wanted.DisplayName.Trim(),
            PasswordHash = wanted.Password is { } password ? await hashing.HashAsync(password, cancellationToken) : null,
            PasswordChangedAt = wanted.Password is null ? null : now,
            MustChangePassword = wanted.MustChangePassword,
            Roles = wanted.Roles,
            Groups = wanted.Groups,
            CreatedAt = now,
            UpdatedAt = now,
        }, cancellationToken: cancellationToken);
    }

    /// <summary>Sends the letter again to an address that is not verified yet. Does nothing visible for any other.</summary>
    public async Task ResendAsync(string tenant, string? email, CancellationToken cancellationToken)
    {
        if (users.FindByLogin(tenant, email) is { Email: not null, EmailVerified: false, Disabled: false } user && Names.Key(user.Email) == Names.Key(email)) await SendAsync(user, cancellationToken);
    }

    /// <summary>Sends the letter that proves a user's address.</summary>
    public Task SendAsync(User user, CancellationToken cancellationToken) => letters.SendVerificationAsync(user, cancellationToken);

    /// <summary>Takes the token of a letter; the user whose address it proves.</summary>
    /// <exception cref="NexusException"><c>TOKEN_INVALID</c>: unknown, used, expired, or for an address that is not the user's any more.</exception>
    public async Task<User> VerifyAsync(string? token, Origin origin, CancellationToken cancellationToken)
    {
        if (await letters.TakeAsync(Letters.Verify, token, cancellationToken) is not { } ticket) throw Invalid();
        var user = await users.ChangeAsync(new Place(ticket.Tenant, ticket.UserId), u => Names.Key(u.Email) == Names.Key(ticket.Email) ? u.EmailVerified ? u : u with { EmailVerified = true } : throw Invalid(), cancellationToken: cancellationToken) ?? throw Invalid();
        await trail.TellAsync("auth.email.verified", origin, user.Id, user.Tenant, $"users/{user.Id}");
        return user;
    }

    private static NexusException Invalid() => new(ErrorCodes.TokenInvalid, "The link is unknown, was used or has expired. Ask for another one.");
}

/// <summary>What a new account is made of.</summary>
internal sealed record NewAccount
{
    public string? UserName { get; init; }

    public string? Email { get; init; }

    public string? Password { get; init; }

    public string? DisplayName { get; init; }

    public bool EmailVerified { get; init; }

    public bool MustChangePassword { get; init; }

    public System.Collections.Immutable.ImmutableArray<string> Roles { get; init; } = [DefaultRoles.User];

    public System.Collections.Immutable.ImmutableArray<string> Groups { get; init; } = [];
}
