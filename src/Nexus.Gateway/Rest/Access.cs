namespace Nexus.Gateway.Rest;

/// <summary>Asks the policy point and refuses with problem details.</summary>
internal sealed class Access(IAuthorization authorization)
{
    /// <summary>Returns when the caller may; throws otherwise.</summary>
    public async ValueTask DemandAsync(CallContext context, string permission, CancellationToken cancellationToken)
    {
        var decision = await authorization.DecideAsync(context, permission, cancellationToken);
        if (decision.Scope != AccessScope.None)
            return;
        throw context.Caller == Caller.Anonymous
            ? new NexusException(ErrorCodes.AuthenticationRequired, $"This needs the permission {permission}. {decision.Reason}")
            : new NexusException(ErrorCodes.PermissionDenied, $"{context.Caller.Name} lacks the permission {permission}. {decision.Reason}");
    }
}
