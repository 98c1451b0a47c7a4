using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Nexus.Core.Identity.Passwords;

namespace Nexus.Core.Identity.Accounts;

/// <summary>The administrator of a node that has no users yet, with a one-time password that is told once and must be changed.</summary>
internal sealed class FirstUser(UserDirectory users, PasswordHashing hashing, IOptions<IdentityOptions> options, TimeProvider time)
{
    public const string UserName = "admin";

    /// <summary>Makes the administrator when the node has no user; returns the password to tell, or null when there is none to tell.</summary>
    public async Task<string?> EnsureAsync(CancellationToken cancellationToken)
    {
        if (users.All(CallContext.DefaultTenant).Any()) return null;
        var password = options.Value.AdministratorPassword ?? RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789", 20);
        var now = time.GetUtcNow();
        var administrator = new User
        {
            Id = Guid.CreateVersion7(now).ToString(),
            UserName = UserName,
            DisplayName = "Administrator",
            PasswordHash = await hashing.HashAsync(password, cancellationToken),
            PasswordChangedAt = now,
            MustChangePassword = true,
            Roles = ["admin"],
            CreatedAt = now,
            UpdatedAt = now,
        };
        try
        {
            await users.AddAsync(administrator, cancellationToken: cancellationToken);
        }
        catch (NexusException e) when (e.Code == ErrorCodes.UniqueViolation)
        {
            // Another node that starts at this moment made it, and tells the password.
            return null;
        }

        return options.Value.AdministratorPassword is null ? password : null;
    }
}
