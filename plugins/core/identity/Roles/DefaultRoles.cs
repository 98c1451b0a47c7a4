using System.Collections.Immutable;

namespace Nexus.Core.Identity.Roles;

/// <summary>The roles of a fresh tenant.</summary>
internal static class DefaultRoles
{
    /// <summary>The role that may do everything and cannot be changed.</summary>
    public const string Admin = "admin";

    /// <summary>The role of who registers.</summary>
    public const string User = "user";

    /// <summary>All of them.</summary>
    public static ImmutableArray<Role> All { get; } =
    [
        new() { Name = Admin, Description = "May do everything.", Permissions = ["*"], BuiltIn = true },
        new() { Name = "moderator", Description = "Reads and changes what everybody made, and sees who the users are.", Permissions = ["*:read", "*:update", "*:delete", "platform.users:read"], Inherits = [User], BuiltIn = true },
        new() { Name = User, Description = "Uses plugins and works on its own records.", Permissions = ["*:use", "core.identity:use", "*:*:own"], BuiltIn = true },
        new() { Name = "readonly", Description = "Reads what everybody made and changes nothing.", Permissions = ["*:read", "*:use", "core.identity:use"], BuiltIn = true },
    ];
}
