using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Totp;

/// <summary>Sign-ins whose first proof held and that wait for the second. Good for five minutes and five codes.</summary>
internal sealed class TwoFactorChallenges(Tickets tickets, TwoFactor factor, UserDirectory users)
{
    /// <summary>How long a challenge waits.</summary>
    public static TimeSpan Lifetime { get; } = TimeSpan.FromMinutes(5);

    private const string Kind = "two-factor";

    private const int Tries = 5;

    /// <summary>The challenge of a user who has a second factor; null when it has none.</summary>
    public async Task<TwoFactorChallenge?> AskAsync(User user, SignInOrigin origin, CancellationToken cancellationToken) =>
        await factor.IsEnabledAsync(user.Id, cancellationToken)
            ? new TwoFactorChallenge(await tickets.IssueAsync(Kind, new PendingFactor(user.Id, user.Tenant, origin.Method, origin.Remember, origin.Cookie, 0), Lifetime, TotpJson.Default.PendingFactor, cancellationToken))
            : null;

    /// <summary>Answers a challenge; who may be signed in now, and how.</summary>
    /// <exception cref="NexusException"><c>CREDENTIALS_INVALID</c>: the challenge is over or the code is wrong; <c>ACCOUNT_LOCKED</c>.</exception>
    public async Task<(User User, SignInOrigin Origin)> AnswerAsync(string? handle, string? code, SignInOrigin origin, CancellationToken cancellationToken)
    {
        // The try is counted before the code is looked at, so that many at once are no more tries.
        var (before, _) = await tickets.ChangeAsync(Kind, handle, p => p with { Tried = p.Tried + 1 }, TotpJson.Default.PendingFactor, cancellationToken);
        if (before is null || before.Tried >= Tries || users.Find(new Place(before.Tenant, before.User)) is not { Disabled: false } user)
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The challenge is over; sign in again.");
        if (string.IsNullOrEmpty(code) || !await factor.UseAsync(user.Id, code, cancellationToken))
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The code is wrong or was used before.");
        if (await tickets.TakeAsync(Kind, handle, TotpJson.Default.PendingFactor, cancellationToken) is null)
            throw new NexusException(ErrorCodes.CredentialsInvalid, "The challenge is over; sign in again.");
        return (user, origin with { Method = before.Method, Remember = before.Remember, Cookie = before.Cookie });
    }
}

/// <summary>A challenge as the caller gets it.</summary>
/// <param name="Handle">What a code must be sent with.</param>
internal sealed record TwoFactorChallenge(string Handle)
{
    /// <summary>Problem details with the challenge.</summary>
    public IResult Answer(HttpContext context)
    {
        var entry = ErrorCodes.Get(ErrorCodes.TwoFactorRequired);
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(new TwoFactorProblem(
            $"/api/v1/errors/{entry.Code}", entry.Title, entry.Status, "This account needs a second proof: send a code with the challenge to /api/v1/auth/2fa/challenge.", entry.Code,
            context.Request.Path, Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier, Handle, (int)TwoFactorChallenges.Lifetime.TotalSeconds), TotpJson.Default.TwoFactorProblem, "application/problem+json", entry.Status);
    }
}

/// <summary>The first proof held, the second is missing: carries the user up to where the challenge is made.</summary>
internal sealed class TwoFactorNeededException(User user) : NexusException(ErrorCodes.TwoFactorRequired, "This account needs a second proof: send the code along.")
{
    /// <summary>Whose first proof held.</summary>
    public User User { get; } = user;
}

/// <summary>A sign-in that waits.</summary>
internal sealed record PendingFactor(string User, string Tenant, string Method, bool Remember, bool Cookie, int Tried);

/// <summary>Problem details with a challenge.</summary>
internal sealed record TwoFactorProblem(string Type, string Title, int Status, string Detail, string Code, string Instance, string TraceId, string Challenge, int ExpiresIn);
