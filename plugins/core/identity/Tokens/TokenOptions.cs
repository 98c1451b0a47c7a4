using System.ComponentModel.DataAnnotations;

namespace Nexus.Core.Identity.Tokens;

/// <summary>Settings of signing (<c>plugins:core.identity:tokens</c>).</summary>
internal sealed class TokenOptions : IValidatableObject
{
    /// <summary>How long a key signs before its successor does.</summary>
    public TimeSpan KeyLifetime { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How long before it signs a key is published, so that whoever verifies has it in time.</summary>
    public TimeSpan KeyLead { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Number of verified tokens that are remembered.</summary>
    [Range(100, 10_000_000)]
    public int RememberedTokens { get; set; } = 20_000;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (KeyLifetime < TimeSpan.FromHours(1) || KeyLifetime > TimeSpan.FromDays(730))
            yield return new ValidationResult("1 hour to 730 days.", [nameof(KeyLifetime)]);
        if (KeyLead < TimeSpan.FromMinutes(2) || KeyLead >= KeyLifetime)
            yield return new ValidationResult("From 2 minutes to less than the lifetime of a key.", [nameof(KeyLead)]);
    }
}
