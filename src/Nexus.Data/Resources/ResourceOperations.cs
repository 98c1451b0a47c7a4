using System.Collections.Immutable;
using Nexus.Data.Audit;
using Nexus.Data.Units;
using Nexus.Data.Views;

namespace Nexus.Data.Resources;

/// <summary>The pipeline of all surfaces and repositories.</summary>
internal sealed class ResourceOperations(IStorage storage, RecordAccess access, FieldSealing sealing, ChangeExecution execution, IdempotentChanges idempotent, AccessTrail trail, HookRunner hooks, ViewReader views) : IResourceOperations
{
    private const int MaxLimit = 1000;

    // A node's batch shares group commits without letting one caller fill the writer's queue.
    private const int Breadth = 32;

    public async ValueTask<StoredRecord?> FindAsync(ResourceCall call, string id, CancellationToken cancellationToken)
    {
        var shape = RecordShape.For(call.Resource);
        var allowed = await access.DemandAsync(call.Context, shape.ReadPermission, cancellationToken).ConfigureAwait(false);
        if ((call.Resource.View is null ? ChangeExecution.CanonicalId(id) : id) is not { } key)
        {
            return null;
        }

        var address = new RecordKey(call.Context.Tenant, shape.Table, key);
        var record = call.Resource.View is not null ? await views.FindAsync(call.Resource, call.Context.Tenant, key, cancellationToken).ConfigureAwait(false)
            : UnitOfWork.Of(call.Plugin.Manifest.Name) is { } unit && unit.Staged.TryGet(address, out var staged) ? staged
            : await storage.FindAsync(address, cancellationToken).ConfigureAwait(false);
        if (record is null)
        {
            return null;
        }

        if (!RecordAccess.Covers(allowed, call.Context.Caller, record))
        {
            await access.HiddenAsync(call, key, cancellationToken).ConfigureAwait(false);
            return null;
        }

        await trail.ReadAsync(call, shape, key, cancellationToken).ConfigureAwait(false);
        return call.Resource.View is not null ? RecordForms.Returned(call.Resource, record) : await execution.ReturnedAsync(call, record, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask<ReadOnlyMemory<byte>> RunAsync(ActivePlugin plugin, ToolDescriptor tool, CallContext context, ReadOnlyMemory<byte> input, CancellationToken cancellationToken)
    {
        await access.DemandAsync(context, tool.Permission, cancellationToken).ConfigureAwait(false);
        try
        {
            return await hooks.RunAsync(plugin, tool, context, RecordComposer.ComposeInput(tool.Name, RecordShape.InputOf(tool), input.Span, out _), cancellationToken).ConfigureAwait(false);
        }
        catch (GenerationDrainsException)
        {
            throw new NexusException(ErrorCodes.ServiceUnavailable, $"{plugin.Manifest.Name} is being replaced; call {tool.Name} again.");
        }
    }

    public async ValueTask<RecordPage> ListAsync(ResourceCall call, ResourceQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        var shape = RecordShape.For(call.Resource);
        var allowed = await access.DemandAsync(call.Context, shape.ReadPermission, cancellationToken).ConfigureAwait(false);
        if (query.Search is not null && call.Resource.Search.IsDefaultOrEmpty)
        {
            throw new NexusException(ErrorCodes.FilterInvalid, $"{call.Resource.Name} has no search fields; use a filter.");
        }

        var check = new QueryCheck(call.Resource);
        if (call.Resource.View is not null)
        {
            return await ListViewAsync(call, shape, query with { Filter = query.Filter is { } own ? check.Check(own) : null, Sort = check.Check(query.Sort) }, RecordAccess.FilterOf(allowed, call.Context.Caller), cancellationToken).ConfigureAwait(false);
        }

        var asked = query.Filter is { } filter ? await sealing.RewriteAsync(call.Resource, call.Context.Tenant, check.Check(filter), cancellationToken).ConfigureAwait(false) : null;
        sealing.CheckSort(call.Resource, query.Sort.IsDefault ? [] : query.Sort);
        var seen = RecordAccess.FilterOf(allowed, call.Context.Caller);
        var page = await storage.QueryAsync(Stored(call, shape, query with { Filter = asked, Sort = check.Check(query.Sort) }, seen), cancellationToken).ConfigureAwait(false);
        await trail.ListedAsync(call, shape, page, cancellationToken).ConfigureAwait(false);
        if (!shape.HasProtected && call.Resource.Upgrade is null)
        {
            return page;
        }

        var records = ImmutableArray.CreateBuilder<StoredRecord>(page.Records.Length);
        foreach (var record in page.Records)
        {
            records.Add(await execution.ReturnedAsync(call, record, cancellationToken).ConfigureAwait(false));
        }

        return page with { Records = records.DrainToImmutable() };
    }

    public async ValueTask<ImmutableArray<ChangeResult>> ChangeAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, bool atomic, CancellationToken cancellationToken)
    {
        if (call.Resource.View is not null)
        {
            return [.. changes.Select(c => new ChangeResult(c.Id, null, new(ErrorCodes.MethodNotAllowed, $"{call.Resource.Table} is a view of {call.Plugin.Manifest.Name}'s own database and is only read; change it by the plugin's own operations.")))];
        }

        if (call.Idempotency is not null)
        {
            try
            {
                // A stored answer is told to nobody who may not ask any more.
                await execution.DemandAsync(call, changes, cancellationToken).ConfigureAwait(false);
            }
            catch (NexusException e)
            {
                return [.. changes.Select(c => new ChangeResult(c.Id, null, e))];
            }
        }

        return atomic && changes.Length > 1 ? await ChangeTogetherAsync(call, changes, cancellationToken).ConfigureAwait(false)
            : changes.Length == 1 ? await ChangeOneAsync(call, changes[0], cancellationToken).ConfigureAwait(false)
            : await ChangeEachAsync(call, changes, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A page of rows: nothing of them is encrypted or of an older version.</summary>
    private async ValueTask<RecordPage> ListViewAsync(ResourceCall call, RecordShape shape, ResourceQuery query, Filter? seen, CancellationToken cancellationToken)
    {
        var page = await views.QueryAsync(call.Resource, Stored(call, shape, query, seen), cancellationToken).ConfigureAwait(false);
        await trail.ListedAsync(call, shape, page, cancellationToken).ConfigureAwait(false);
        return shape.HasSecrets ? page with { Records = [.. page.Records.Select(r => RecordForms.Returned(call.Resource, r))] } : page;
    }

    private static RecordQuery Stored(ResourceCall call, RecordShape shape, ResourceQuery query, Filter? seen) => new()
    {
        Tenant = call.Context.Tenant,
        Table = shape.Table,
        Filter = query.Filter is not { } asked ? seen : seen is null ? asked : new Filter.And([seen, asked]),
        Sort = query.Sort,
        Search = query.Search,
        Limit = Math.Clamp(query.Limit, 1, MaxLimit),
        Cursor = query.Cursor,
        Offset = Math.Max(0, query.Offset),
        Count = query.Count,
    };

    private ValueTask<ImmutableArray<ChangeResult>> ChangeTogetherAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, CancellationToken cancellationToken) =>
        idempotent.RunAsync(call, (current, seal) => execution.RunTogetherAsync(current, changes, seal, cancellationToken), cancellationToken);

    private ValueTask<ImmutableArray<ChangeResult>> ChangeOneAsync(ResourceCall call, ResourceChange change, CancellationToken cancellationToken) =>
        idempotent.RunAsync(call, async (current, seal) => [await execution.RunAsync(current, change, seal, cancellationToken).ConfigureAwait(false)], cancellationToken);

    private async ValueTask<ImmutableArray<ChangeResult>> ChangeEachAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, CancellationToken cancellationToken)
    {
        var results = new ChangeResult[changes.Length];
        // Changes of one record keep their order; those of different records go side by side and share commits.
        var chains = Enumerable.Range(0, changes.Length).GroupBy(i => changes[i].Id ?? $"#{i}", StringComparer.OrdinalIgnoreCase);
        var options = new ParallelOptions { MaxDegreeOfParallelism = Breadth, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(chains, options, async (chain, _) =>
        {
            foreach (int i in chain)
            {
                var one = call.Idempotency is { } key ? call with { Idempotency = key with { Key = $"{key.Key}#{i}" } } : call;
                results[i] = (await ChangeOneAsync(one, changes[i], cancellationToken).ConfigureAwait(false))[0];
            }
        }).ConfigureAwait(false);
        return [.. results];
    }
}
