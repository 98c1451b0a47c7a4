using System.Collections.Immutable;
using Nexus.Data.Audit;

namespace Nexus.Data.Resources;

/// <summary>What a caller may do with records, from the one policy point.</summary>
internal sealed class RecordAccess(IAuthorization authorization, AccessTrail trail)
{
    /// <summary>On which records a permission is held.</summary>
    /// <exception cref="NexusException"><c>PERMISSION_DENIED</c> or <c>AUTHENTICATION_REQUIRED</c>: on none.</exception>
    public async ValueTask<AccessDecision> DemandAsync(CallContext context, string permission, CancellationToken cancellationToken)
    {
        var decision = await authorization.DecideAsync(context, permission, cancellationToken).ConfigureAwait(false);
        if (decision.Scope != AccessScope.None)
        {
            return decision;
        }

        await trail.DeniedAsync(context, permission[..permission.IndexOf(':', StringComparison.Ordinal)], permission, cancellationToken).ConfigureAwait(false);
        throw decision.Refusal(context, permission);
    }

    /// <summary>Takes down that a record exists and the caller was not told so.</summary>
    public ValueTask HiddenAsync(ResourceCall call, string id, CancellationToken cancellationToken) =>
        trail.DeniedAsync(call.Context, $"{call.Resource.Name}/{id}", RecordShape.For(call.Resource).ReadPermission, cancellationToken);

    /// <summary>On which records a permission is held, none among them.</summary>
    public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
        authorization.DecideAsync(context, permission, cancellationToken);

    /// <summary>The error about a record that exists but lies outside of the scope of a change: it is only named to those who may read it.</summary>
    public async ValueTask<NexusException> OutsideAsync(ResourceCall call, StoredRecord record, string permission, CancellationToken cancellationToken)
    {
        await trail.DeniedAsync(call.Context, $"{call.Resource.Name}/{record.Id}", permission, cancellationToken).ConfigureAwait(false);
        var read = await authorization.DecideAsync(call.Context, RecordShape.For(call.Resource).ReadPermission, cancellationToken).ConfigureAwait(false);
        return Covers(read, call.Context.Caller, record) ? new AccessDecision(AccessScope.None, "").Refusal(call.Context, permission) : NotFound(call, record.Id);
    }

    public static bool Covers(AccessDecision allowed, Caller caller, StoredRecord record) => allowed.Scope switch
    {
        AccessScope.All => true,
        AccessScope.Own => record.Owner == caller.Id || IsShared(allowed, record),
        AccessScope.Team => record.Owner == caller.Id || (record.Team is { } team && caller.Teams.Contains(team)) || IsShared(allowed, record),
        _ => false,
    };

    /// <summary>The records as a condition inside the query; null for all.</summary>
    public static Filter? FilterOf(AccessDecision allowed, Caller caller)
    {
        if (allowed.Scope == AccessScope.All)
        {
            return null;
        }

        var own = new Filter.Compare("owner", FilterOperator.Equal, System.Text.Json.JsonSerializer.SerializeToElement(caller.Id));
        ImmutableArray<Filter> any = [own];
        if (allowed.Scope == AccessScope.Team && !caller.Teams.IsDefaultOrEmpty)
        {
            any = any.Add(OneOf("team", caller.Teams));
        }

        if (!allowed.Records.IsDefaultOrEmpty)
        {
            any = any.Add(OneOf("id", allowed.Records));
        }

        return any.Length == 1 ? own : new Filter.Or(any);
    }

    public static NexusException NotFound(ResourceCall call, string? id) =>
        new(ErrorCodes.ResourceNotFound, $"No {call.Resource.Singular} has the id {id}, or you may not see it.");

    private static bool IsShared(AccessDecision allowed, StoredRecord record) => !allowed.Records.IsDefaultOrEmpty && allowed.Records.Contains(record.Id);

    private static Filter.In OneOf(string field, ImmutableArray<string> values) => new(field, [.. values.Select(v => System.Text.Json.JsonSerializer.SerializeToElement(v))]);
}
