using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.Policy;

/// <summary>
/// The policy of the node. 1. The platform itself may do all; who did not sign in may do nothing. 2. What concerns the whole node is for callers of the node's own tenant.
/// 3. A denying policy, then the widest scope of policies and roles. 4. The caller's scopes narrow it. 5. A right on own or the team's records counts where records have owners only: a route that knows of none would serve everybody's.
/// Decisions are worked out once for callers with the same roles, teams and scopes, until roles or policies change; asking again costs two looks into memory.
/// </summary>
internal sealed class AccessPolicy : IDisposable
{
    private const int Remembered = 4_096;

    // The other parts of the platform are of the node, which tenants share.
    private static readonly FrozenSet<string> PartsOfTenants = new[] { "platform.users", "platform.roles", "platform.groups", "platform.permissions", "platform.data", "platform.audit" }.ToFrozenSet(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, AccessTables> tables = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Rights> rights = new(StringComparer.Ordinal);
    private readonly ConditionalWeakTable<Caller, Rights> ofCaller = [];
    private readonly Catalogue catalogue;
    private readonly DeclaredResources resources;
    private readonly IDisposable? following;

    public AccessPolicy(Catalogue catalogue, DeclaredResources resources)
    {
        (this.catalogue, this.resources) = (catalogue, resources);
        catalogue.RightsChanged = Forget;
        following = resources.OnChange(() =>
        {
            foreach (var tenant in tables.Keys) Forget(tenant);
        });
    }

    public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken)
    {
        var caller = context.Caller;
        if (ReferenceEquals(caller, Caller.System)) return new(new AccessDecision(AccessScope.All, "The platform itself may do all."));
        if (ReferenceEquals(caller, Caller.Anonymous)) return new(new AccessDecision(AccessScope.None, "Nobody is signed in."));
        if (!ofCaller.TryGetValue(caller, out var held) || held.Tables.Stale || held.Tenant != context.Tenant)
        {
            held = RightsOf(context);
            ofCaller.AddOrUpdate(caller, held);
        }

        if (held.Decisions.TryGetValue(permission, out var decision)) return new(decision);
        var ruling = Rule(context, permission, held);
        decision = new AccessDecision(ruling.Scope, ruling.Reason) { Records = ruling.Records };
        if (held.Decisions.Count < Remembered) held.Decisions.TryAdd(permission, decision);
        return new(decision);
    }

    /// <summary>The same decision with what brought it about, also about a single record; nothing is remembered.</summary>
    public Ruling Explain(CallContext context, string permission) =>
        ReferenceEquals(context.Caller, Caller.Anonymous) ? new Ruling(AccessScope.None, "Nobody is signed in.", null, null) : Rule(context, permission, RightsOf(context));

    /// <summary>Which of these grants the caller does not have itself, and so cannot give to others.</summary>
    public ImmutableArray<Grant> Missing(CallContext context, IEnumerable<Grant> grants)
    {
        if (ReferenceEquals(context.Caller, Caller.System)) return [];
        var held = RightsOf(context);
        var own = held.Tables.Grants(context.Caller.Roles).Select(g => g.Grant).ToList();
        return [.. grants.Where(g => !own.Any(o => o.Covers(g)) || (!held.Scopes.IsEmpty && !held.Scopes.Any(s => s.Covers(g))))];
    }

    /// <summary>All that a role grants, what it inherits included.</summary>
    public ImmutableArray<Grant> GrantsOf(string tenant, IEnumerable<string> roles) => [.. TablesOf(tenant).Grants(roles).Select(g => g.Grant)];

    private Ruling Rule(CallContext context, string permission, Rights held)
    {
        var colon = permission.IndexOf(':', StringComparison.Ordinal);
        var (resource, action) = colon < 0 ? (permission, "use") : (permission[..colon], permission[(colon + 1)..]);
        if (context.Tenant != CallContext.DefaultTenant && resource.StartsWith("platform.", StringComparison.Ordinal) && !PartsOfTenants.Contains(resource))
            return new Ruling(AccessScope.None, "This concerns the whole node and is for callers of its own tenant.", null, null);
        var ruling = Narrow(held.Tables.Decide(context.Caller, resource, action), context, held, resource, action);
        return ruling.Scope is AccessScope.Own or AccessScope.Team && !resources.HasOwners(resource)
            ? ruling with { Scope = AccessScope.None, Records = [], Reason = ruling.Reason + $" {resource} has no records with owners, so a right on all is needed." }
            : ruling;
    }

    private static Ruling Narrow(Ruling ruling, CallContext context, Rights held, string resource, string action)
    {
        if (ruling.Scope == AccessScope.None || context.Caller.Scopes.IsDefaultOrEmpty) return ruling;
        // A key or token that is held to own records, or to the team's, is not held to what others share.
        var limit = held.Scopes.Where(s => s.Covers(resource, action)).Select(s => s.Scope).DefaultIfEmpty(AccessScope.None).Max();
        return limit == AccessScope.None ? new Ruling(AccessScope.None, $"The scopes of the key or token do not cover {resource}:{action}.", null, null)
            : limit < ruling.Scope ? ruling with { Scope = limit, Records = [], Reason = ruling.Reason + " The scopes of the key or token narrow it." }
            : limit == AccessScope.All ? ruling
            : ruling with { Records = [] };
    }

    public void Dispose() => following?.Dispose();

    private Rights RightsOf(CallContext context)
    {
        var now = TablesOf(context.Tenant);
        var caller = context.Caller;
        var key = string.Join('\n', [context.Tenant, .. Sorted(caller.Roles), "", .. Sorted(caller.Teams), "", .. Sorted(caller.Scopes), "", now.Names(caller.Id) ? caller.Id : ""]);
        if (rights.TryGetValue(key, out var known) && !known.Tables.Stale) return known;
        if (rights.Count >= Remembered) rights.Clear();
        return rights[key] = new Rights(now, context.Tenant, caller.Scopes.IsDefaultOrEmpty ? [] : [.. caller.Scopes.SelectMany(Grant.Parse)]);
    }

    private AccessTables TablesOf(string tenant)
    {
        while (true)
        {
            if (tables.TryGetValue(tenant, out var known) && !known.Stale) return known;
            var version = catalogue.Version;
            var made = new AccessTables(catalogue.Roles.All(tenant), catalogue.Policies.All(tenant));
            tables[tenant] = made;
            // A change that came in between may have been read or not, and has marked only what was there before.
            if (catalogue.Version == version) return made;
            made.Stale = true;
        }
    }

    private void Forget(string tenant)
    {
        if (tables.TryGetValue(tenant, out var old)) old.Stale = true;
    }

    private static IEnumerable<string> Sorted(ImmutableArray<string> names) => names.IsDefaultOrEmpty ? [] : names.Order(StringComparer.Ordinal);

    private sealed record Rights(AccessTables Tables, string Tenant, ImmutableArray<Grant> Scopes)
    {
        public ConcurrentDictionary<string, AccessDecision> Decisions { get; } = new(StringComparer.Ordinal);
    }
}
