using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.Changes;

/// <summary>
/// What happens to the records of a resource, for one caller. Every batch asks the policy anew and reads its records by the pipeline, in one query with the caller's scope and the wish's
/// filter inside, so that a subscriber sees exactly what a list would show it at that moment.
/// </summary>
internal sealed class RecordFeed(ChangeFeed feed, IPlugins plugins, IResourceOperations operations, IAuthorization authorization, EventSight sight)
{
    /// <summary>Opens a subscription for a caller who may read the resource.</summary>
    /// <exception cref="NexusException"><c>AUTHENTICATION_REQUIRED</c>, <c>PERMISSION_DENIED</c>, or what <see cref="ChangeFeed.OpenAsync"/> says.</exception>
    public async ValueTask<ChangeSubscription> OpenAsync(RecordWish wish, CallContext context, CancellationToken cancellationToken)
    {
        await DemandAsync(wish, context, cancellationToken);
        if (plugins.Current.Find(wish.Plugin)?.Resources.FirstOrDefault(one => one.Name == wish.Resource) is { View: not null })
            throw new NexusException(ErrorCodes.MethodNotAllowed, $"{wish.Plugin}.{wish.Resource} is a view of the plugin's own database, which tells of no changes; list it again, or follow the plugin's events.");
        var scope = $"{wish.Plugin}.{wish.Resource}";
        return await feed.OpenAsync(new ChangeWish(context.Tenant, EventPattern.Parse(scope + ".*")) { Scope = scope, After = wish.After, Capacity = wish.Capacity }, cancellationToken);
    }

    /// <summary>Reads an open subscription; the caller is asked for at each step, because its roles may change while it listens.</summary>
    public async IAsyncEnumerable<SeenChange> ReadAsync(ChangeSubscription subscription, RecordWish wish, Func<CallContext> caller, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var batch in subscription.ReadAsync(cancellationToken))
        {
            foreach (var seen in await SeenAsync(wish, caller(), batch, cancellationToken))
                yield return seen;
        }
    }

    private async ValueTask<AccessDecision> DemandAsync(RecordWish wish, CallContext context, CancellationToken cancellationToken)
    {
        var permission = $"{wish.Plugin}.{wish.Resource}:read";
        var decision = await authorization.DecideAsync(context, permission, cancellationToken);
        return decision.Scope != AccessScope.None ? decision : throw decision.Refusal(context, permission);
    }

    /// <summary>What a caller sees of some changes.</summary>
    /// <exception cref="NexusException"><c>PERMISSION_DENIED</c>: it may not read the resource any more.</exception>
    public async ValueTask<IReadOnlyList<SeenChange>> SeenAsync(RecordWish wish, CallContext context, IReadOnlyList<Change> batch, CancellationToken cancellationToken)
    {
        var told = new List<SeenChange>(batch.Count);
        foreach (var change in batch)
        {
            // The record's own rights decide, and nothing of the event's data is sent.
            if (Named(wish, change with { Message = await sight.OpenAsync(change.Message, cancellationToken) }) is { } named)
                told.Add(named);
        }
        if (told.Count == 0 || plugins.Current.Find(wish.Plugin) is not { } plugin || plugin.Resources.FirstOrDefault(one => one.Name == wish.Resource) is not { } resource)
            return [];
        var allowed = await DemandAsync(wish, context, cancellationToken);
        ImmutableArray<JsonElement> ids = [.. told.Select(change => change.Id).Distinct(StringComparer.Ordinal).Select(id => JsonSerializer.SerializeToElement(id))];
        Filter wanted = ids.Length == 1 ? new Filter.Compare("id", FilterOperator.Equal, ids[0]) : new Filter.In("id", ids);
        var query = new ResourceQuery { Filter = wish.Filter is { } further ? new Filter.And([wanted, further]) : wanted, Limit = ids.Length };
        var page = await operations.ListAsync(new ResourceCall(plugin, resource, context), query, cancellationToken);
        var records = page.Records.ToDictionary(record => record.Id, StringComparer.Ordinal);
        var seen = new List<SeenChange>(told.Count);
        foreach (var change in told)
        {
            if (records.TryGetValue(change.Id, out var record))
                seen.Add(change with { Record = record });
            else if (IsToldGone(wish, allowed, context.Caller, change))
                seen.Add(change);
        }
        return seen;
    }

    /// <summary>The change with its record's id, when the wish names its verb and its record.</summary>
    private static SeenChange? Named(RecordWish wish, Change change)
    {
        var verb = change.Message.Name[(change.Message.Name.LastIndexOf('.') + 1)..];
        if (!wish.Verbs.IsDefaultOrEmpty && !wish.Verbs.Contains(verb))
            return null;
        var data = JsonElement.Parse(change.Message.Data.Span);
        return data.ValueKind == JsonValueKind.Object && data.TryGetProperty("id", out var named) && named.ValueKind == JsonValueKind.String && named.GetString() is { } id
            && (wish.Record is null || string.Equals(wish.Record, id, StringComparison.OrdinalIgnoreCase)) ? new SeenChange(change, verb, id, data) : null;
    }

    /// <summary>Whether a change is told whose record cannot be read any more: whose it was, and what it was, is in the event. With a filter only its end is, because the record may be there and no longer match.</summary>
    private static bool IsToldGone(RecordWish wish, AccessDecision allowed, Caller caller, SeenChange change)
    {
        if (change.Verb != "deleted" && wish.Filter is not null)
            return false;
        if (!change.Data.TryGetProperty("record", out var last))
            return allowed.Scope == AccessScope.All && wish.Filter is null;
        var mine = allowed.Scope switch
        {
            AccessScope.All => true,
            AccessScope.Own => Text(last, "owner") == caller.Id,
            AccessScope.Team => Text(last, "owner") == caller.Id || (Text(last, "team") is { } team && caller.Teams.Contains(team)),
            _ => false,
        };
        return (mine || (!allowed.Records.IsDefaultOrEmpty && allowed.Records.Contains(change.Id))) && FilterEvaluator.Matches(wish.Filter, last);
    }

    private static string? Text(JsonElement record, string name) =>
        record.ValueKind == JsonValueKind.Object && record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>Which changes of a resource's records a subscriber wants to hear. Names only, so that the plugin can be replaced meanwhile.</summary>
/// <param name="Plugin">The plugin.</param>
/// <param name="Resource">Its resource.</param>
internal sealed record RecordWish(string Plugin, string Resource)
{
    /// <summary>Only of this record.</summary>
    public string? Record { get; init; }

    /// <summary>Only these: created, updated, deleted, names of actions; empty for all.</summary>
    public ImmutableArray<string> Verbs { get; init; } = [];

    /// <summary>Only of records that match as they are when told.</summary>
    public Filter? Filter { get; init; }

    /// <summary>Go on after this position; null begins now.</summary>
    public long? After { get; init; }

    /// <summary>Events that may wait.</summary>
    public int Capacity { get; init; } = 256;
}

/// <summary>A change of a record as one caller may see it.</summary>
/// <param name="Change">What happened.</param>
/// <param name="Verb">Last word of the event's name.</param>
/// <param name="Id">The record.</param>
/// <param name="Data">Data of the event; not to be sent, because it is the same for every caller.</param>
internal sealed record SeenChange(Change Change, string Verb, string Id, JsonElement Data)
{
    /// <summary>The record as it is now; null when it is gone.</summary>
    public StoredRecord? Record { get; init; }
}
