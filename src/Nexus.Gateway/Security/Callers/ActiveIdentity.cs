using System.Collections.Immutable;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security.Callers;

/// <summary>The strategies and the policy of the snapshot that is served, worked out once a snapshot.</summary>
internal sealed partial class ActiveIdentity(IPlugins plugins, IConfiguration configuration, ILogger<ActiveIdentity> log)
{
    private static readonly PlatformSnapshot Outdated = new(-1, []);
    private volatile Identity current = new(PlatformSnapshot.Empty, "", [], null);
    private volatile bool wasEverActive;

    /// <summary>What is active now.</summary>
    public Identity Current
    {
        get
        {
            var known = current;
            return ReferenceEquals(known.Snapshot, plugins.Current) ? known : Read();
        }
    }

    /// <summary>Whether a policy has been active since the process began: from then on its absence closes the node instead of opening it.</summary>
    public bool WasEverActive => Current.Policy is not null || wasEverActive;

    /// <summary>Takes a change of <c>auth:strategies</c> over.</summary>
    public void Forget() => current = current with { Snapshot = Outdated };

    private Identity Read()
    {
        var snapshot = plugins.Current;
        var last = current;
        var policies = snapshot.Plugins.Where(p => p.Authorization is not null).ToArray();
        // Of two policies the one that decided before goes on deciding: a plugin installed later cannot take the node over.
        var policy = policies.FirstOrDefault(p => p.Manifest.Name == last.PolicyPlugin) ?? policies.FirstOrDefault();
        if (policies.Length > 1)
            TellTwo(log, policy!.Manifest.Name, string.Join(", ", policies.Where(p => p != policy).Select(p => p.Manifest.Name)));
        wasEverActive |= policy is not null;
        string[] used = configuration.GetSection("auth:strategies").GetChildren().Select(c => c.Value ?? "").ToArray();
        var strategies = snapshot.Plugins.SelectMany(p => p.Authentication.Select(a => new Strategy(p.Lease, a)))
            .Where(s => used.Length == 0 || used.Contains(s.Contribution.Name, StringComparer.OrdinalIgnoreCase))
            .OrderBy(s => s.Contribution.Order).ToImmutableArray();
        return current = new Identity(snapshot, policy?.Manifest.Name ?? last.PolicyPlugin, strategies, policy is null ? null : new Policy(policy.Lease, policy.Authorization!));
    }

    [LoggerMessage(2, LogLevel.Error, "The policy of {Plugin} decides; that of {Others} is not asked. A node has one policy: disable one of the plugins.")]
    private static partial void TellTwo(ILogger log, string plugin, string others);
}

/// <summary>What one snapshot has of identity.</summary>
/// <param name="Snapshot">The snapshot.</param>
/// <param name="PolicyPlugin">The plugin whose policy decides or, when it is gone, decided last; empty before the first.</param>
/// <param name="Strategies">Strategies that are used, in the order in which they are asked.</param>
/// <param name="Policy">The policy, or null.</param>
internal sealed record Identity(PlatformSnapshot Snapshot, string PolicyPlugin, ImmutableArray<Strategy> Strategies, Policy? Policy);

/// <summary>A strategy with the lease on its code.</summary>
internal sealed record Strategy(IGeneration Lease, AuthenticationContribution Contribution);

/// <summary>A policy with the lease on its code.</summary>
internal sealed record Policy(IGeneration Lease, AuthorizationContribution Contribution);
