using Nexus.Data.Audit;

namespace Nexus.Data.Resources;

/// <summary>What a caller may do with records, from the one policy point.</summary>
internal sealed class RecordAccess(IAuthorization authorization, AccessTrail trail)
{
    /// <summary>The scope of a permission.</summary>
    /// <exception cref="NexusException"><c>PERMISSION_DENIED</c>: it has none.</exception>
    public async ValueTask<AccessScope> DemandAsync(CallContext context, string permission, CancellationToken cancellationToken)
    {
        var decision = await authorization.DecideAsync(context, permission, cancellationToken).ConfigureAwait(false);
        if (decision.Scope != AccessScope.None)
        {
            return decision.Scope;
        }

        await trail.DeniedAsync(context, permission[..permission.IndexOf(':', StringComparison.Ordinal)], permission, cancellationToken).ConfigureAwait(false);
        throw Denied(permission);
    }

    /// <summary>Takes down that a record exists and the caller was not told so.</summary>
    public ValueTask HiddenAsync(ResourceCall call, string id, CancellationToken cancellationToken) =>
        trail.DeniedAsync(call.Context, $"{call.Resource.Name}/{id}", RecordShape.For(call.Resource).ReadPermission, cancellationToken);

    /// <summary>The scope of a permission, none among them.</summary>
    public async ValueTask<AccessScope> ScopeAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
        (await authorization.DecideAsync(context, permission, cancellationToken).ConfigureAwait(false)).Scope;

    /// <summary>The error about a record that exists but lies outside of the scope of a change: it is only named to those who may read it.</summary>
    public async ValueTask<NexusException> OutsideAsync(ResourceCall call, StoredRecord record, string permission, CancellationToken cancellationToken)
    {
        await trail.DeniedAsync(call.Context, $"{call.Resource.Name}/{record.Id}", permission, cancellationToken).ConfigureAwait(false);
        var read = await authorization.DecideAsync(call.Context, RecordShape.For(call.Resource).ReadPermission, cancellationToken).ConfigureAwait(false);
        return Covers(read.Scope, call.Context.Caller, record) ? Denied(permission) : NotFound(call, record.Id);
    }

    public static bool Covers(AccessScope scope, Caller caller, StoredRecord record) => scope switch
    {
        AccessScope.All => true,
        AccessScope.Own => record.Owner == caller.Id,
        AccessScope.Team => record.Owner == caller.Id || (record.Team is { } team && caller.Teams.Contains(team)),
        _ => false,
    };

    /// <summary>The scope as a condition inside the query; null for all.</summary>
    public static Filter? FilterOf(AccessScope scope, Caller caller)
    {
        if (scope == AccessScope.All)
        {
            return null;
        }

        var own = new Filter.Compare("owner", FilterOperator.Equal, System.Text.Json.JsonSerializer.SerializeToElement(caller.Id));
        return scope == AccessScope.Own || caller.Teams.IsDefaultOrEmpty
            ? own
            : new Filter.Or([own, new Filter.In("team", [.. caller.Teams.Select(t => System.Text.Json.JsonSerializer.SerializeToElement(t))])]);
    }

    public static NexusException NotFound(ResourceCall call, string? id) =>
        new(ErrorCodes.ResourceNotFound, $"No {call.Resource.Singular} has the id {id}, or you may not see it.");

    private static NexusException Denied(string permission) =>
        new(ErrorCodes.PermissionDenied, $"The permission {permission} is needed.");
}
