using System.Collections.Immutable;
using System.Net;

namespace Nexus;

/// <summary>What a request brought along to say who sends it: data only, taken from headers before any plugin code runs.</summary>
public readonly record struct Credentials
{
    /// <summary>Value of <c>Authorization</c>, such as <c>Bearer …</c>; null when absent.</summary>
    public string? Authorization { get; init; }

    /// <summary>Value of <c>X-API-Key</c>; null when absent.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Value of the sign-in cookie (<see cref="SignedIn.CookieName"/>); null when absent.</summary>
    public string? Cookie { get; init; }

    /// <summary>Address of the caller; null where the transport has none.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Whether the request brought nothing that any strategy could read.</summary>
    public bool IsEmpty => Authorization is null && ApiKey is null && Cookie is null;
}

/// <summary>Who was found to call.</summary>
/// <param name="Caller">The caller, with teams, roles and scopes.</param>
/// <param name="Tenant">Its tenant.</param>
/// <param name="Strategy">Name of the strategy that found it, such as <c>bearer</c>.</param>
public sealed record SignedIn(Caller Caller, string Tenant, string Strategy)
{
    /// <summary>Name of the cookie of browsers that signed in.</summary>
    public const string CookieName = "nexus_session";

    /// <summary>Id of the sign-in session, or null (API keys have none).</summary>
    public string? SessionId { get; init; }

    /// <summary>The credentials came by themselves (a cookie): requests that change something need a CSRF token equal to this.</summary>
    public string? CsrfToken { get; init; }

    /// <summary>The caller may do nothing but change its password.</summary>
    public bool MustChangePassword { get; init; }

    /// <summary>What limits of this caller are counted under, such as <c>key:…</c>; null counts by <see cref="Caller.Id"/>.</summary>
    public string? LimitKey { get; init; }

    /// <summary>Requests a minute; null takes the configured limit.</summary>
    public int? RequestsPerMinute { get; init; }
}

/// <summary>A strategy's answer: not for me, signed in, or refused.</summary>
/// <param name="SignedIn">The caller, when it was found.</param>
/// <param name="Refusal">Why the credentials are refused, safe to send; null when they are accepted or of another strategy.</param>
public readonly record struct Authentication(SignedIn? SignedIn, string? Refusal)
{
    /// <summary>The credentials are not of this strategy's kind; the next one is asked.</summary>
    public static Authentication NotMine => default;

    /// <summary>The caller was found.</summary>
    public static Authentication Accept(SignedIn signedIn) => new(signedIn, null);

    /// <summary>The credentials are of this strategy's kind and wrong: 401, no other strategy is asked.</summary>
    public static Authentication Refuse(string reason) => new(null, reason);
}

/// <summary>Finds out who calls. Runs for every request: it does no trip to a database on the common path and never throws for bad credentials.</summary>
public delegate ValueTask<Authentication> Authenticate(Credentials credentials, CancellationToken cancellationToken);

/// <summary>Decides as <see cref="IAuthorization"/> does. Runs for every request, on the common path without a trip to a database.</summary>
public delegate ValueTask<AccessDecision> Decide(CallContext context, string permission, CancellationToken cancellationToken);

/// <summary>A way to authenticate.</summary>
/// <param name="Name">Its name, such as <c>bearer</c>; <c>auth:strategies</c> may name those that are used.</param>
/// <param name="Order">Lower is asked first.</param>
/// <param name="Authenticate">The strategy.</param>
public sealed record AuthenticationContribution(string Name, int Order, Authenticate Authenticate) : Contribution;

/// <summary>The policy of the node. One plugin may bring it; without one a development host serves callers of its own machine.</summary>
/// <param name="Decide">The policy.</param>
public sealed record AuthorizationContribution(Decide Decide) : Contribution;

/// <summary>A role that a plugin brings for the work it knows; identity offers it in every tenant and gives it to nobody.</summary>
/// <param name="Name">1 to 64 of <c>a-z 0-9 _ -</c>, beginning with a letter; a role of that name that is there already stays as it is.</param>
/// <param name="Description">What it is for, in words for administrators.</param>
/// <param name="Permissions"><c>{resource}:{action}</c> or <c>{resource}:{action}:{own|team|all}</c>, of the plugin's own suite only.</param>
public sealed record RoleContribution(string Name, string Description, ImmutableArray<string> Permissions) : Contribution;

/// <summary>The verbs by which a plugin takes part in security.</summary>
public static class SecurityPluginExtensions
{
    /// <summary>Adds a way to authenticate; lower <paramref name="order"/> is asked first.</summary>
    public static IPluginBuilder AddAuthentication(this IPluginBuilder plugin, string name, Authenticate authenticate, int order = 0) =>
        plugin.Contribute(new AuthenticationContribution(name, order, authenticate));

    /// <summary>Makes this plugin the policy of the node: every surface and every repository asks it.</summary>
    public static IPluginBuilder UseAuthorization(this IPluginBuilder plugin, Decide decide) =>
        plugin.Contribute(new AuthorizationContribution(decide));

    /// <summary>Brings a role for the work that the plugin knows, such as <c>auditor</c>.</summary>
    public static IPluginBuilder AddRole(this IPluginBuilder plugin, string name, string description, params ImmutableArray<string> permissions) =>
        plugin.Contribute(new RoleContribution(name, description, permissions));

    /// <summary>Gives the durable queue of audit entries to this plugin, which seals them.</summary>
    public static IPluginBuilder UseAuditTrail(this IPluginBuilder plugin) =>
        plugin.Contribute(new AuditContribution());
}
