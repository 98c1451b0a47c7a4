using System.Collections.Immutable;

namespace Nexus;

/// <summary>On whose behalf, in which tenant and as part of what the current code runs. Flows with async calls; holds host types only.</summary>
/// <param name="Caller">The caller.</param>
/// <param name="Tenant">The tenant.</param>
/// <param name="CorrelationId">The request id, or that of the event being handled.</param>
public sealed record CallContext(Caller Caller, string Tenant, string CorrelationId)
{
    /// <summary>The tenant where there is one only.</summary>
    public const string DefaultTenant = "default";

    /// <summary>Address of the caller; null where there is none (the platform itself, events).</summary>
    public string? Address { get; init; }

    /// <summary>Value of <c>User-Agent</c>, cut at 256 characters; null where there is none.</summary>
    public string? UserAgent { get; init; }

    private static readonly AsyncLocal<CallContext?> Slot = new();

    /// <summary>The context of code that runs for the platform itself.</summary>
    public static CallContext System { get; } = new(Caller.System, DefaultTenant, "system");

    /// <summary>The context of the current async flow; <see cref="System"/> outside of any call.</summary>
    public static CallContext Current
    {
        get => Slot.Value ?? System;
        set => Slot.Value = value;
    }
}

/// <summary>A caller.</summary>
/// <param name="Id">Stable id.</param>
/// <param name="Name">Name for people.</param>
/// <param name="Teams">Teams it belongs to.</param>
/// <param name="Roles">Roles it has.</param>
public sealed record Caller(string Id, string Name, ImmutableArray<string> Teams, ImmutableArray<string> Roles)
{
    /// <summary>The platform itself.</summary>
    public static Caller System { get; } = new("system", "System", [], ["system"]);

    /// <summary>Permissions it is held to, whatever its roles allow (API keys, tokens of other clients); default or empty holds it to none.</summary>
    public ImmutableArray<string> Scopes { get; init; }

    /// <summary>A caller who did not sign in.</summary>
    public static Caller Anonymous { get; } = new("anonymous", "Anonymous", [], []);
}

/// <summary>The current caller, as a plugin sees it.</summary>
public interface ICurrentUser
{
    /// <summary>The context of the current call.</summary>
    CallContext Context { get; }
}

/// <summary>The one policy point: every surface and every repository asks it.</summary>
public interface IAuthorization
{
    /// <summary>Decides whether a caller may do something and on which records.</summary>
    /// <param name="context">Who asks.</param>
    /// <param name="permission"><c>{plugin}.{resource}:{action}</c>, or <c>platform.{area}:{action}</c>.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken);
}

/// <summary>A decision of the policy point.</summary>
/// <param name="Scope">On which records.</param>
/// <param name="Reason">Which rule decided, for people.</param>
public readonly record struct AccessDecision(AccessScope Scope, string Reason)
{
    /// <summary>Ids of records that are allowed beside those of <see cref="Scope"/>, because they were shared with the caller; default for none. Only with <see cref="AccessScope.Own"/> or <see cref="AccessScope.Team"/>.</summary>
    public ImmutableArray<string> Records { get; init; }

    /// <summary>How every surface refuses: who is not known is asked to sign in, who is known lacks the permission.</summary>
    public NexusException Refusal(CallContext context, string permission) => ReferenceEquals(context.Caller, Caller.Anonymous)
        ? new NexusException(ErrorCodes.AuthenticationRequired, $"This needs the permission {permission}. {Reason}".TrimEnd())
        : new NexusException(permission.StartsWith("platform.events:", StringComparison.Ordinal) ? ErrorCodes.InsufficientEventPermissions : ErrorCodes.PermissionDenied, $"{context.Caller.Name} lacks the permission {permission}. {Reason}".TrimEnd());
}

/// <summary>On which records an action is allowed.</summary>
public enum AccessScope
{
    /// <summary>On none.</summary>
    None,

    /// <summary>On those the caller owns.</summary>
    Own,

    /// <summary>On those of the caller's teams, and its own.</summary>
    Team,

    /// <summary>On all of the tenant.</summary>
    All,
}
