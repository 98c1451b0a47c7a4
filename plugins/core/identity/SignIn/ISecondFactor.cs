using Nexus.Core.Identity.Accounts;

namespace Nexus.Core.Identity.SignIn;

/// <summary>A second proof that a user has set up, asked for after the password held.</summary>
internal interface ISecondFactor
{
    /// <summary>Checks the code that came along, if one did.</summary>
    ValueTask<SecondFactorResult> CheckAsync(User user, string? code, CancellationToken cancellationToken);
}

/// <summary>What a second factor says.</summary>
internal enum SecondFactorResult
{
    /// <summary>The user has not set it up.</summary>
    NotNeeded,

    /// <summary>It is needed and no code came.</summary>
    Missing,

    /// <summary>The code is wrong or was used before.</summary>
    Wrong,

    /// <summary>The code holds.</summary>
    Right,
}
