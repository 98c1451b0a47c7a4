using System.Collections.Immutable;
using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.SignIn;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.OpenId;

/// <summary>
/// Authorization codes: good for 60 s and once. A code that comes a second time was stolen by one of the two who brought it, so what the first got is
/// taken back (RFC 6749 section 4.1.2), also when both come at once: 1. The first marks the code as used. 2. It makes its session. 3. It notes the session,
/// unless a second one was there meanwhile; then it ends it. Who comes second leaves a mark and ends what is noted.
/// </summary>
internal sealed class AuthorizationCodes(Tickets tickets, SignInSessions sessions)
{
    /// <summary>How long a code is good.</summary>
    public static TimeSpan Lifetime { get; } = TimeSpan.FromSeconds(60);

    private const string Kind = "codes";

    /// <summary>A code is remembered for as long as a session that it made may have been used before the replay is seen.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    /// <summary>Issues a code.</summary>
    public Task<string> IssueAsync(CodeGrant grant, CancellationToken cancellationToken) =>
        tickets.IssueAsync(Kind, new StoredCode(grant, CodeState.Fresh, null, null), Remembered, OpenIdJson.Default.StoredCode, cancellationToken);

    /// <summary>Exchanges a code.</summary>
    /// <param name="code">The code.</param>
    /// <param name="now">The time.</param>
    /// <param name="isMeantFor">Whether the exchange is that of the client, redirect address and verifier the code is bound to; a code is used up by a wrong one too.</param>
    /// <param name="begin">Makes the session.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>What was granted; null when the code is wrong, over, used or not meant for this exchange.</returns>
    public async Task<(CodeGrant Code, SignInGrant SignIn)?> ExchangeAsync(string? code, DateTimeOffset now, Func<CodeGrant, bool> isMeantFor, Func<CodeGrant, Task<SignInGrant?>> begin, CancellationToken cancellationToken)
    {
        var (before, _) = await tickets.ChangeAsync(Kind, code, c => c with { State = c.State == CodeState.Fresh ? CodeState.Used : CodeState.Replayed }, OpenIdJson.Default.StoredCode, cancellationToken);
        if (before is null)
            return null;
        if (before.State != CodeState.Fresh)
        {
            await EndAsync(before);
            return null;
        }

        if (before.Grant.IssuedAt + Lifetime <= now || !isMeantFor(before.Grant) || await begin(before.Grant) is not { } made)
            return null;
        var (_, after) = await tickets.ChangeAsync(Kind, code, c => c with { Session = made.Session.Id, Tenant = made.Session.Tenant }, OpenIdJson.Default.StoredCode, CancellationToken.None);
        if (after is { State: CodeState.Used })
            return (before.Grant, made);
        await EndAsync(after ?? before with { Session = made.Session.Id, Tenant = made.Session.Tenant });
        return null;
    }

    private async Task EndAsync(StoredCode code)
    {
        if (code is { Session: { } session, Tenant: { } tenant })
            await sessions.EndAsync(new Place(tenant, session), CancellationToken.None);
    }
}

/// <summary>What a code stands for.</summary>
/// <param name="Client">Client it is bound to.</param>
/// <param name="RedirectUri">Address it was sent to.</param>
/// <param name="Challenge">PKCE challenge.</param>
/// <param name="User">Who signed in.</param>
/// <param name="Tenant">Its tenant.</param>
/// <param name="Scopes">What was consented to.</param>
/// <param name="IssuedAt">When it was issued.</param>
/// <param name="AuthenticatedAt">When the user signed in.</param>
internal sealed record CodeGrant(string Client, string RedirectUri, string Challenge, string User, string Tenant, ImmutableArray<string> Scopes, DateTimeOffset IssuedAt, DateTimeOffset AuthenticatedAt)
{
    /// <summary>The client's nonce.</summary>
    public string? Nonce { get; init; }
}

/// <summary>A code as it is stored.</summary>
internal sealed record StoredCode(CodeGrant Grant, CodeState State, string? Session, string? Tenant);

/// <summary>What became of a code.</summary>
internal enum CodeState
{
    /// <summary>It was not used.</summary>
    Fresh,

    /// <summary>It was used once.</summary>
    Used,

    /// <summary>It came again.</summary>
    Replayed,
}
