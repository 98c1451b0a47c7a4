using System.Collections.Frozen;
using System.Collections.Immutable;
using Nexus.Core.Identity.Roles;

namespace Nexus.Core.Identity.Policy;

/// <summary>The rights in one tenant at one moment, worked out: each role with all that it inherits. Immutable but for <see cref="Stale"/>.</summary>
internal sealed class AccessTables
{
    private readonly FrozenDictionary<string, ImmutableArray<RoleGrant>> roles;
    private readonly ImmutableArray<CompiledPolicy> policies;

    public AccessTables(IEnumerable<Role> roles, IEnumerable<ResourcePolicy> policies)
    {
        var byName = roles.ToDictionary(r => r.Name, StringComparer.Ordinal);
        this.roles = byName.Keys.ToFrozenDictionary(n => n, n => Resolve(n, byName), StringComparer.Ordinal);
        this.policies = [.. policies.OrderBy(p => p.Name, StringComparer.Ordinal).Select(CompiledPolicy.Of)];
    }

    /// <summary>Newer tables have taken its place.</summary>
    public bool Stale { get; set; }

    /// <summary>Users, by id, whom policies name: only for them does the id matter.</summary>
    public bool Names(string user) => policies.Any(p => p.Policy.Users.Contains(user));

    /// <summary>Every grant of these roles, inherited ones too.</summary>
    public IEnumerable<RoleGrant> Grants(IEnumerable<string> held) => held.SelectMany(r => roles.GetValueOrDefault(r, []));

    /// <summary>Decides for a caller, without its scopes: a denying policy first, then the widest that roles and policies allow.</summary>
    public Ruling Decide(Caller caller, string resource, string action)
    {
        var best = default(Ruling);
        var shared = new List<(string Policy, ImmutableArray<string> Records)>();
        foreach (var policy in policies)
        {
            if (!policy.IsFor(caller)) continue;
            if (policy.SharedBy(resource, action) is { IsEmpty: false } records) shared.Add((policy.Policy.Name, records));
            if (!policy.Covers(resource, action)) continue;
            if (policy.Denies) return new Ruling(AccessScope.None, $"The policy {policy.Policy.Name} denies {resource}:{action}.", null, policy.Policy.Name);
            if (policy.Scope > best.Scope) best = new Ruling(policy.Scope, $"The policy {policy.Policy.Name} allows {resource}:{action} on {Text(policy.Scope)}.", null, policy.Policy.Name);
        }

        foreach (var (grant, role, via) in Grants(caller.Roles))
        {
            if (grant.Scope > best.Scope && grant.Covers(resource, action))
                best = new Ruling(grant.Scope, $"The role {via}{(role == via ? "" : $", by inheriting {role},")} allows {grant}: {Text(grant.Scope)}.", via, null);
        }

        if (shared.Count > 0 && best.Scope != AccessScope.All)
        {
            // Who was given single records sees those beside what it sees anyway; own ones need no rule.
            var names = string.Join(", ", shared.Select(s => s.Policy));
            best = best.Scope == AccessScope.None
                ? new Ruling(AccessScope.Own, $"The policy {names} shares single records for {resource}:{action}.", null, shared[0].Policy)
                : best with { Reason = $"{best.Reason} The policy {names} shares single records besides." };
            best = best with { Records = [.. shared.SelectMany(s => s.Records).Distinct(StringComparer.Ordinal)] };
        }

        return best.Scope != AccessScope.None ? best
            : new Ruling(AccessScope.None, caller.Roles.IsDefaultOrEmpty ? $"{caller.Name} has no role." : $"None of the roles {string.Join(", ", caller.Roles)} allows {resource}:{action}.", null, null);
    }

    private static string Text(AccessScope scope) => scope switch
    {
        AccessScope.Own => "own records",
        AccessScope.Team => "records of the caller's teams",
        _ => "all records",
    };

    private static ImmutableArray<RoleGrant> Resolve(string name, Dictionary<string, Role> roles)
    {
        var found = ImmutableArray.CreateBuilder<RoleGrant>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<string>([name]);
        while (waiting.TryDequeue(out var next))
        {
            if (!seen.Add(next) || !roles.TryGetValue(next, out var role)) continue;
            found.AddRange(role.Permissions.SelectMany(Grant.Parse).Select(g => new RoleGrant(g, next, name)));
            foreach (var parent in role.Inherits) waiting.Enqueue(parent);
        }

        return found.ToImmutable();
    }

    private sealed record CompiledPolicy(ResourcePolicy Policy, ImmutableArray<Grant> Grants, ImmutableArray<(Grant Grant, string Id)> Records, AccessScope Scope, bool Denies)
    {
        public static CompiledPolicy Of(ResourcePolicy policy) => new(
            policy,
            [.. from resource in policy.Resources from action in policy.Actions from grant in Grant.Parse($"{resource}:{action}:all") select grant],
            [.. from rule in policy.Resources.Select(RecordRule.Parse).OfType<RecordRule>() from action in policy.Actions from grant in Grant.Parse($"{rule.Resource}:{action}:all") select (grant, rule.Id)],
            Grant.ScopeOf(policy.Scope) ?? AccessScope.None,
            policy.Effect == "deny");

        public bool Covers(string resource, string action) => Grants.Any(g => g.Covers(resource, action));

        /// <summary>Ids of single records that it allows.</summary>
        public ImmutableArray<string> SharedBy(string resource, string action) =>
            Denies || Records.IsEmpty ? [] : [.. Records.Where(r => r.Grant.Covers(resource, action)).Select(r => r.Id)];

        public bool IsFor(Caller caller) =>
            (Policy.Roles.IsDefaultOrEmpty && Policy.Groups.IsDefaultOrEmpty && Policy.Users.IsDefaultOrEmpty)
            || Policy.Users.Contains(caller.Id) || Policy.Roles.Any(caller.Roles.Contains) || Policy.Groups.Any(caller.Teams.Contains);
    }
}

/// <summary>A grant with the role that states it and the role by which a caller has it.</summary>
internal readonly record struct RoleGrant(Grant Grant, string Role, string Via);

/// <summary>A decision with what brought it about.</summary>
/// <param name="Scope">On which records.</param>
/// <param name="Reason">Which rule decided, for people.</param>
/// <param name="Role">The caller's role that decided, or null.</param>
/// <param name="Policy">The policy that decided, or null.</param>
internal readonly record struct Ruling(AccessScope Scope, string Reason, string? Role, string? Policy)
{
    /// <summary>Single records that policies share besides.</summary>
    public ImmutableArray<string> Records { get; init; }
}
