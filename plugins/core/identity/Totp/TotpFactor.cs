using Nexus.Core.Identity.Accounts;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Totp;

/// <summary>One-time codes as the second proof of a sign-in by password.</summary>
internal sealed class TotpFactor(TwoFactor factor) : ISecondFactor
{
    /// <inheritdoc/>
    public async ValueTask<SecondFactorResult> CheckAsync(User user, string? code, CancellationToken cancellationToken)
    {
        if (!await factor.IsEnabledAsync(user.Id, cancellationToken))
            return SecondFactorResult.NotNeeded;
        if (string.IsNullOrWhiteSpace(code))
            return SecondFactorResult.Missing;
        return await factor.UseAsync(user.Id, code, cancellationToken) ? SecondFactorResult.Right : SecondFactorResult.Wrong;
    }
}
