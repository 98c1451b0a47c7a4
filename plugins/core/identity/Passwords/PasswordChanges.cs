using System.Globalization;
using System.Text.Json.Nodes;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Mail;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Passwords;

/// <summary>How passwords change: by who knows the old one, by who reads the user's mail, by an administrator.</summary>
internal sealed class PasswordChanges(UserDirectory users, PasswordHashing hashing, PasswordPolicy policy, Lockouts lockouts, SignInSessions sessions, Letters letters, TimeProvider time)
{
    /// <summary>Changes the password of a user who knows the old one, and ends all sessions but the one that asks.</summary>
    /// <exception cref="NexusException"><c>CREDENTIALS_INVALID</c>, <c>ACCOUNT_LOCKED</c>, <c>VALIDATION_ERROR</c>.</exception>
    public async Task<User> ChangeAsync(User user, string? old, string? wanted, string? session, CancellationToken cancellationToken)
    {
        await ConfirmAsync(user, old, cancellationToken);
        var changed = await SetAsync(user, wanted, mustChange: false, "/new_password", cancellationToken);
        await sessions.EndAllAsync(user.Place, session, cancellationToken);
        return changed;
    }

    /// <summary>Returns when a password is the user's. Wrong tries count as those of signing in: a session left open must not be a place to guess at.</summary>
    /// <exception cref="NexusException"><c>CREDENTIALS_INVALID</c>, <c>ACCOUNT_LOCKED</c>.</exception>
    public Task ConfirmAsync(User user, string? password, CancellationToken cancellationToken) => ConfirmAsync(user.Place, user.PasswordHash, password, cancellationToken);

    /// <summary>The same for a place where there may be no user; then it does the same work and refuses.</summary>
    public async Task ConfirmAsync(Place who, string? hash, string? password, CancellationToken cancellationToken)
    {
        var end = await AttemptsAsync(who, cancellationToken);
        bool? held = null;
        var left = 0;
        try
        {
            held = password is { Length: <= PasswordPolicy.MaximumLength } && await hashing.VerifyAsync(hash, password, cancellationToken);
        }
        finally
        {
            left = await end(held);
        }

        if (held != true) throw Wrong(left);
    }

    /// <summary>Sends a letter with a token that sets a new password, when there is such an account. Takes as long and says as much when there is none.</summary>
    public Task ForgotAsync(string tenant, string? nameOrEmail, CancellationToken cancellationToken) =>
        letters.SendResetAsync(tenant, users.FindByLogin(tenant, nameOrEmail), cancellationToken);

    /// <summary>Sets a new password with the token of a letter, ends all sessions and opens a locked account.</summary>
    /// <exception cref="NexusException"><c>TOKEN_INVALID</c>, <c>VALIDATION_ERROR</c> (the token can be used again then).</exception>
    public async Task<User> ResetAsync(string? token, string? wanted, CancellationToken cancellationToken)
    {
        var seen = await letters.PeekAsync(Letters.Reset, token, cancellationToken);
        if (Of(seen) is not { } user) throw Invalid();
        Check(user, wanted, "/new_password");
        if (await letters.TakeAsync(Letters.Reset, token, cancellationToken) is null) throw Invalid();
        // Who reads the mail of an address owns it.
        var changed = await SetAsync(user, wanted, mustChange: false, "/new_password", cancellationToken, u => Of(seen) is null ? throw Invalid() : u with { EmailVerified = u.EmailVerified || Names.Key(u.Email) == Names.Key(seen!.Email) });
        await sessions.EndAllAsync(user.Place, null, cancellationToken);
        await lockouts.UnlockAsync(user.Place);
        return changed;
    }

    /// <summary>Sets the password of a user on behalf of an administrator; it must be changed at the next sign-in, and all sessions end.</summary>
    public async Task<User> SetByAdministratorAsync(User user, string? wanted, CancellationToken cancellationToken)
    {
        var changed = await SetAsync(user, wanted, mustChange: true, "/password", cancellationToken);
        await sessions.EndAllAsync(user.Place, null, cancellationToken);
        await lockouts.UnlockAsync(user.Place);
        return changed;
    }

    /// <summary>The answer to a wrong password.</summary>
    private static NexusException Wrong(int left) => new(ErrorCodes.CredentialsInvalid, "The name or the password is wrong.") { Extensions = new JsonObject { ["attempts_remaining"] = left } };

    /// <summary>Begins a try; the result ends it and says how many are left.</summary>
    /// <exception cref="NexusException"><c>ACCOUNT_LOCKED</c>.</exception>
    private async Task<Func<bool?, ValueTask<int>>> AttemptsAsync(Place who, CancellationToken cancellationToken)
    {
        if (await lockouts.BeginAsync(who, cancellationToken) is not { } until) return held => lockouts.EndAsync(who, held);
        throw new NexusException(ErrorCodes.AccountLocked, $"Too many wrong passwords were tried; the account opens again at {until.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC.")
        {
            Extensions = new JsonObject
            {
                ["attempts_remaining"] = 0,
                ["locked_until"] = until.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
                ["retry_after"] = (long)Math.Ceiling((until - time.GetUtcNow()).TotalSeconds),
            },
        };
    }

    private User? Of(MailTicket? ticket) =>
        ticket is not null && users.Find(new Place(ticket.Tenant, ticket.UserId)) is { Disabled: false } user && user.PasswordChangedAt == ticket.PasswordChangedAt ? user : null;

    private void Check(User user, string? wanted, string pointer) => AccountFields.Throw(policy.Check(wanted, user.UserName, user.Email, pointer));

    private async Task<User> SetAsync(User user, string? wanted, bool mustChange, string pointer, CancellationToken cancellationToken, Func<User, User>? also = null)
    {
        Check(user, wanted, pointer);
        foreach (var earlier in new[] { user.PasswordHash }.Concat(user.PasswordHistory).OfType<string>().Take(policy.Options.History))
        {
            if (await hashing.VerifyAsync(earlier, wanted!, cancellationToken))
                throw new NexusException(ErrorCodes.ValidationError, $"This password was used before ({pointer}).") { Errors = [new FieldError(pointer, "reused", $"The last {policy.Options.History} passwords may not be used again.")] };
        }

        var hash = await hashing.HashAsync(wanted!, cancellationToken);
        return await users.ChangeAsync(user.Place, u => (also?.Invoke(u) ?? u) with
        {
            PasswordHash = hash,
            PasswordHistory = [.. new[] { u.PasswordHash }.Concat(u.PasswordHistory).OfType<string>().Take(Math.Max(0, policy.Options.History - 1))],
            PasswordChangedAt = time.GetUtcNow(),
            MustChangePassword = mustChange,
        }, cancellationToken: cancellationToken) ?? throw new NexusException(ErrorCodes.ResourceNotFound, "There is no such user.");
    }

    private static NexusException Invalid() => new(ErrorCodes.TokenInvalid, "The token is unknown, was used or has expired. Ask for another letter.");
}
