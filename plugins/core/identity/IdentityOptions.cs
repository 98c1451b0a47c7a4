using System.ComponentModel.DataAnnotations;

namespace Nexus.Core.Identity;

/// <summary>Settings of identity, section <c>plugins:core.identity</c>.</summary>
internal sealed class IdentityOptions
{
    /// <summary>Who issues tokens (<c>iss</c>): the address under which users reach the node, without a slash at its end. Null takes the node's own (<c>server.publicUrl</c>).</summary>
    public string? Issuer { get; set; }

    /// <summary>For whom tokens are (<c>aud</c>).</summary>
    public string Audience { get; set; } = "nexus";

    /// <summary>Life of an access token.</summary>
    [Range(typeof(TimeSpan), "00:00:30", "1.00:00:00")]
    public TimeSpan AccessTokenLifetime { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Life of a sign-in session that is not used.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00")]
    public TimeSpan SessionLifetime { get; set; } = TimeSpan.FromHours(12);

    /// <summary>Life of a sign-in session that is not used, when the user asked to be remembered.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00")]
    public TimeSpan RememberedLifetime { get; set; } = TimeSpan.FromDays(30);

    /// <summary>Sign-in sessions of one user; the one unused for longest ends when there are more.</summary>
    [Range(1, 1_000)]
    public int SessionsPerUser { get; set; } = 100;

    /// <summary>One-time password of the first administrator instead of a random one; it must be changed at the first sign-in all the same.</summary>
    [StringLength(256, MinimumLength = 12)]
    public string? AdministratorPassword { get; set; }

    /// <summary>Whether anybody may register.</summary>
    public bool Registration { get; set; } = true;

    /// <summary>Role of who registers.</summary>
    public string RegisteredRole { get; set; } = "user";

    /// <summary>Whether an address must be proved before its account can sign in.</summary>
    public bool EmailVerification { get; set; } = true;

    /// <summary>Life of the link that proves an address.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "30.00:00:00")]
    public TimeSpan VerificationLifetime { get; set; } = TimeSpan.FromDays(2);

    /// <summary>Life of the token that sets a new password.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "1.00:00:00")]
    public TimeSpan ResetLifetime { get; set; } = TimeSpan.FromHours(1);
}
