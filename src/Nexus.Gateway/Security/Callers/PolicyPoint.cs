using Microsoft.Extensions.Logging;
using Nexus.Gateway.Metrics;

namespace Nexus.Gateway.Security.Callers;

/// <summary>
/// The one policy point of the host: asks the policy of the identity plugin that is active. The platform's own calls are always allowed.
/// Without a policy the local administrator of a development host may do all; where identity was active and is gone, nobody may do anything.
/// </summary>
internal sealed partial class PolicyPoint(ActiveIdentity identity, LocalAdministrator local, ILogger<PolicyPoint> log) : IAuthorization
{
    private const int MaxTries = 12;

    /// <summary>Whether a plugin's policy decides now.</summary>
    public bool HasPolicy => identity.Current.Policy is not null;

    /// <inheritdoc/>
    public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (ReferenceEquals(context.Caller, Caller.System))
            return new(new AccessDecision(AccessScope.All, "The platform itself may do all."));
        if (ReferenceEquals(context.Caller, ScrapeToken.Caller))
            return new(new AccessDecision(permission == ScrapeToken.Permission ? AccessScope.All : AccessScope.None, "The token of metrics.tokenFile opens the metrics and nothing else."));
        if (ReferenceEquals(context.Caller, LocalAdministrator.Caller) && local.IsServed)
            return new(new AccessDecision(AccessScope.All, "Callers of this machine are the local administrator of a development host."));
        if (identity.Current.Policy is not { } policy)
            return WithoutPolicy(context);
        if (!policy.Lease.TryEnter())
            return AskAgainAsync(context, permission, cancellationToken);
        var asked = Ask(policy, context, permission, cancellationToken);
        if (!asked.IsCompletedSuccessfully)
            return AwaitAsync(asked, policy);
        policy.Lease.Exit();
        return asked;
    }

    private ValueTask<AccessDecision> WithoutPolicy(CallContext context) =>
        identity.WasEverActive
            ? throw new NexusException(ErrorCodes.ServiceUnavailable, "The identity plugin is not active; nothing that needs a permission is served until it is.")
            : new(new AccessDecision(AccessScope.None, "A development host without identity serves callers of its own machine only."));

    private static ValueTask<AccessDecision> Ask(Policy policy, CallContext context, string permission, CancellationToken cancellationToken)
    {
        try
        {
            return policy.Contribution.Decide(context, permission, cancellationToken);
        }
        catch (Exception exception)
        {
            return ValueTask.FromException<AccessDecision>(exception);
        }
    }

    private async ValueTask<AccessDecision> AwaitAsync(ValueTask<AccessDecision> asked, Policy policy)
    {
        try
        {
            return await asked;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // No exception of a plugin's types goes further, and a policy that fails allows nothing.
            if (exception is NexusException known)
                throw new NexusException(known.Code, known.Message);
            TellFailed(log, identity.Current.PolicyPlugin, exception.ToString());
            throw new NexusException(ErrorCodes.InternalError, "The policy could not decide; the log has the cause.");
        }
        finally
        {
            policy.Lease.Exit();
        }
    }

    /// <summary>The identity plugin is being replaced: the next snapshot is normally there already.</summary>
    private async ValueTask<AccessDecision> AskAgainAsync(CallContext context, string permission, CancellationToken cancellationToken)
    {
        for (var tries = 1; tries < MaxTries; tries++)
        {
            if (tries > 1)
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(1 << tries, 250)), cancellationToken);
            if (identity.Current.Policy is not { } policy)
                return await WithoutPolicy(context);
            if (policy.Lease.TryEnter())
                return await AwaitAsync(Ask(policy, context, permission, cancellationToken), policy);
        }
        throw new NexusException(ErrorCodes.ServiceUnavailable, "The identity plugin is being replaced or stopped.");
    }

    [LoggerMessage(3, LogLevel.Error, "The policy of {Plugin} failed: {Error}")]
    private static partial void TellFailed(ILogger log, string plugin, string error);
}
