using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Mail;

/// <summary>The letters that identity writes, and the tokens in them: each works once and for a while.</summary>
internal sealed class Letters(Tickets tickets, MailQueue mail, SiteAddress site, IOptions<IdentityOptions> options)
{
    /// <summary>Kind of token that proves an address.</summary>
    public const string Verify = "verify-email";

    /// <summary>Kind of token that sets a new password.</summary>
    public const string Reset = "password-reset";

    /// <summary>Sends the letter that proves an address.</summary>
    public Task SendVerificationAsync(User user, CancellationToken cancellationToken) =>
        SendAsync(Verify, new MailTicket(user.Tenant, user.Id, user.Email!), options.Value.VerificationLifetime, token => Verification(user, token), cancellationToken);

    /// <summary>Sends the letter that sets a new password. Without a user no letter is written, and everything else is done as with one: a ticket is made either way, because its commit is what takes time.</summary>
    public Task SendResetAsync(string tenant, User? user, CancellationToken cancellationToken) =>
        SendAsync(Reset, new MailTicket(tenant, user?.Id ?? "", user?.Email ?? "", user?.PasswordChangedAt), options.Value.ResetLifetime, token => user is { Email: not null, Disabled: false } ? ResetLetter(user, token) : null, cancellationToken);

    /// <summary>Looks what a token stands for; null when it does not hold.</summary>
    public Task<MailTicket?> PeekAsync(string kind, string? token, CancellationToken cancellationToken) => tickets.PeekAsync(kind, token, IdentityJson.Default.MailTicket, cancellationToken);

    /// <summary>Uses a token up; null when it does not hold.</summary>
    public Task<MailTicket?> TakeAsync(string kind, string? token, CancellationToken cancellationToken) => tickets.TakeAsync(kind, token, IdentityJson.Default.MailTicket, cancellationToken);

    private async Task SendAsync(string kind, MailTicket ticket, TimeSpan lifetime, Func<string, Letter?> write, CancellationToken cancellationToken)
    {
        await tickets.IssueAsync(kind, ticket, lifetime, IdentityJson.Default.MailTicket, cancellationToken, async token => write(token) is { } letter ? await mail.WriteAsync(letter, lifetime, cancellationToken) : null);
        mail.Wake();
    }

    private Letter Verification(User user, string token) => Wording.Of(user) is Wording.German
        ? new(user.Email!, "Bestätigen Sie Ihre E-Mail-Adresse", $"""
            Guten Tag {user.DisplayName},

            öffnen Sie diesen Link, um zu bestätigen, dass diese Adresse Ihre ist:

            {VerificationLink(token)}

            Der Link gilt einmal und {Wording.Time(options.Value.VerificationLifetime, Wording.German)}. Wenn Sie sich nicht angemeldet haben, beachten Sie diesen Brief nicht.
            """)
        : new(user.Email!, "Confirm your e-mail address", $"""
            Hello {user.DisplayName},

            open this link to confirm that this address is yours:

            {VerificationLink(token)}

            The link works once and for {Wording.Time(options.Value.VerificationLifetime, Wording.English)}. If you did not register, ignore this letter.
            """);

    private Letter ResetLetter(User user, string token) => Wording.Of(user) is Wording.German
        ? new(user.Email!, "Neues Passwort setzen", $"""
            Guten Tag {user.DisplayName},

            jemand möchte ein neues Passwort für Ihr Konto setzen. Wenn Sie das sind, öffnen Sie diesen Link:

            {site.Public}/reset-password?token={token}

            Programme senden `token` und `new_password` mit POST an {site.Public}/api/v1/auth/password/reset.

            Der Link gilt einmal und {Wording.Time(options.Value.ResetLifetime, Wording.German)}. Wenn Sie es nicht sind, beachten Sie diesen Brief nicht.
            """)
        : new(user.Email!, "Set a new password", $"""
            Hello {user.DisplayName},

            somebody asked to set a new password for your account. If it was you, open this link:

            {site.Public}/reset-password?token={token}

            Programs send `token` and `new_password` to POST {site.Public}/api/v1/auth/password/reset.

            It works once and for {Wording.Time(options.Value.ResetLifetime, Wording.English)}. If it was not you, ignore this letter.
            """);

    private string VerificationLink(string token) => $"{site.Public}/api/v1/auth/verify-email?token={token}";
}

/// <summary>What the token of a letter stands for.</summary>
/// <param name="Tenant">Tenant of the user.</param>
/// <param name="UserId">The user; empty when there is none.</param>
/// <param name="Email">Address it was sent to.</param>
/// <param name="PasswordChangedAt">When the password was last changed; a token from before a change is void.</param>
internal sealed record MailTicket(string Tenant, string UserId, string Email, DateTimeOffset? PasswordChangedAt = null);
