using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Sharding;

/// <summary>Moves of tenants: takes them up, one at a time on a node, and tells who asks. A move belongs to the node that renews its lease; when that one dies another goes on with it.</summary>
internal sealed partial class TenantMoves(StorageOpener opener, TimeProvider time, ILogger<TenantMoves> log) : BackgroundService, ITenantMoves
{
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(1);

    private readonly ILogger _log = log;
    private readonly string _node = Guid.NewGuid().ToString("N");
    private MoveTable? _table;
    private Task _running = Task.CompletedTask;

    private Shards Shards => opener.Shards ?? throw new RuleViolationException("There is one database. Name further ones in database.shards, and restart the nodes.");

    private MoveTable Table => _table ??= new MoveTable(Shards.First.Set.Records);

    public async ValueTask<TenantMove> StartAsync(string tenant, string shard, CancellationToken cancellationToken)
    {
        if (tenant == CallContext.DefaultTenant)
            throw new RuleViolationException("The default tenant is the node's own and lies with the platform.");
        if (Shards.Named(shard) is null)
            throw new NexusException(ErrorCodes.ResourceNotFound, $"No database is called {shard}; there are {string.Join(", ", Shards.All.Select(s => s.Name))}.");
        if (await Table.FindAsync(tenant, cancellationToken) is { } known)
            return Same(known.Move, shard);
        var from = await opener.Register!.FindPlaceAsync(tenant, cancellationToken);
        if (from == shard)
            throw new RuleViolationException($"The tenant {tenant} lies in {shard} already.");
        if (opener.Set.Tenants is { } tenants && (await tenants.ListTablesAsync(tenant, cancellationToken)).IsEmpty)
            throw new NexusException(ErrorCodes.ResourceNotFound, $"Nothing is stored of a tenant {tenant}. One that is not made yet is placed by database.shards.");
        var asked = new StoredMove(new TenantMove(tenant, from, shard, TenantMoveState.Copying) { StartedAt = time.GetUtcNow() }, "", DateTimeOffset.MinValue, 0);
        try
        {
            return (await Table.PutAsync(asked, cancellationToken)).Move;
        }
        catch (StorageConflictException)
        {
            return Same((await Table.FindAsync(tenant, cancellationToken))?.Move ?? asked.Move, shard);
        }
    }

    public async ValueTask<TenantMove> CancelAsync(string tenant, CancellationToken cancellationToken)
    {
        while (true)
        {
            var known = opener.Shards is null ? null : await Table.FindAsync(tenant, cancellationToken);
            switch (known?.Move.State)
            {
                case null:
                    throw new NexusException(ErrorCodes.ResourceNotFound, $"The tenant {tenant} is not being moved.");
                case TenantMoveState.Undoing:
                    return known.Move;
                case TenantMoveState.Cleaning:
                    throw new RuleViolationException($"The tenant {tenant} lies in {known.Move.To} already; move it back to {known.Move.From} when this move has ended.");
            }

            try
            {
                // The switch is a write of this record too: either it was before, or it cannot be any more. Who carries the move out learns of it when it renews its lease; the lease stays, so that nobody undoes beside it.
                return (await Table.PutAsync(known with { Move = known.Move with { State = TenantMoveState.Undoing, Error = "It was cancelled." } }, cancellationToken)).Move;
            }
            catch (StorageConflictException)
            {
                // The move went on meanwhile.
            }
        }
    }

    public async ValueTask<ImmutableArray<TenantMove>> ListAsync(CancellationToken cancellationToken)
    {
        if (opener.Shards is null)
            return [];
        // In this order one that ends meanwhile is found twice, and not never.
        var running = await Table.ListAsync(cancellationToken);
        return [.. running.Concat(await Table.ListEndedAsync(cancellationToken)).Select(m => m.Move).GroupBy(m => m.Tenant, StringComparer.Ordinal)
            .Select(g => g.OrderBy(m => m.StartedAt).ThenBy(m => m.EndedAt is not null).Last()).OrderBy(m => m.Tenant, StringComparer.Ordinal)];
    }

    public async ValueTask<ImmutableArray<PlannedMove>> PlanAsync(bool bySize, CancellationToken cancellationToken)
    {
        var held = new List<(string Shard, TenantSize Size)>();
        foreach (var shard in Shards.All)
            held.AddRange((await Transfers(shard).MeasureAsync(cancellationToken)).Select(s => (shard.Name, s)));
        var moving = (await Table.ListAsync(cancellationToken)).ToDictionary(m => m.Move.Tenant, m => m.Move.To, StringComparer.Ordinal);
        // What is on its way counts where it goes, and stays on its way.
        return Rebalancing.Plan([.. Shards.All.Select(s => s.Name)], [.. held.Select(h => moving.TryGetValue(h.Size.Tenant, out var to) ? (to, h.Size, false) : (h.Shard, h.Size, true))], bySize);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (opener.Shards is null || opener.Shards.First.Set.Transfers is null)
            return;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Failed(_log, e.Message);
            }

            await Task.Delay(Turn, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await _running;
    }

    internal static ITenantTransfers Transfers(Shard shard) => shard.Set.Transfers ?? throw new RuleViolationException("The storage engine does not move tenants.");

    /// <summary>Notes which tenants were switched, and takes up the first move that nobody carries out.</summary>
    private async Task LookAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in await Table.ListAsync(cancellationToken))
        {
            if (stored.Move.State == TenantMoveState.Cleaning && Shards.Named(stored.Move.To) is { } target)
                Shards.Relocate(stored.Move.Tenant, target);
            if (_running.IsCompleted && stored.Until <= time.GetUtcNow())
                _running = RunAsync(stored, cancellationToken);
        }
    }

    private async Task RunAsync(StoredMove stored, CancellationToken cancellationToken)
    {
        try
        {
            await new MoveRun(Shards, opener.Register!, Table, _node, time, _log).RunAsync(stored, cancellationToken);
        }
        catch (StorageConflictException)
        {
            // Another node has taken it up.
        }
        catch (Exception e)
        {
            Failed(_log, e.Message);
        }
    }

    private static TenantMove Same(TenantMove known, string shard) => known.To == shard && known.State is not TenantMoveState.Undoing
        ? known
        : throw new NexusException(ErrorCodes.Conflict, $"The tenant {known.Tenant} is being moved from {known.From} to {known.To}; ask again when that has ended.");

    [LoggerMessage(1, LogLevel.Warning, "Moves of tenants cannot be looked at; it is tried again: {Reason}")]
    private static partial void Failed(ILogger log, string reason);
}
