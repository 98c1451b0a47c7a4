namespace Nexus.Core.Identity.Policy;

/// <summary>The policy of the node.</summary>
internal sealed class AccessPolicy
{
    private readonly HashSet<string> open = new(StringComparer.Ordinal) { "admin", "system" };

    public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
        ValueTask.FromResult(context.Caller.Roles.Any(open.Contains)
            ? new AccessDecision(AccessScope.All, "The role admin allows everything.")
            : new AccessDecision(AccessScope.None, "No role allows it."));
}
