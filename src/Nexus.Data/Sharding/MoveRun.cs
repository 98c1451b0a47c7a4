using Microsoft.Extensions.Logging;

namespace Nexus.Data.Sharding;

/// <summary>
/// One node's work on one move:
/// 1. take it by a lease, which is renewed to the end;
/// 2. copy, again and again, until little changes between two copies;
/// 3. close the source, copy the rest, close it for reads;
/// 4. switch: the placement and the state of the move in one commit, which nobody can have made before or undone meanwhile;
/// 5. open the target; remove what the source holds.
/// A death before 4 leaves the tenant in the source, one after it in the target; whoever takes up the move goes on from 2 or 5. A failure before 4 is first noted, so that no switch can come after it, and then undone.
/// </summary>
/// <remarks>Its semaphore is never waited on by handle, so it holds nothing that needs disposal.</remarks>
#pragma warning disable CA1001
internal sealed partial class MoveRun(Shards shards, ShardRegister register, MoveTable table, string node, TimeProvider time, ILogger log)
#pragma warning restore CA1001
{
    private const int MaxRounds = 6;
    private const int Few = 200;

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(3);

    private readonly SemaphoreSlim _gate = new(1);
    private StoredMove _stored = null!;

    /// <summary>Carries it out, to its end or until something stands in the way that may pass.</summary>
    /// <exception cref="StorageConflictException">Another node has it.</exception>
    public async Task RunAsync(StoredMove stored, CancellationToken cancellationToken)
    {
        _stored = await table.PutAsync(stored with { Node = node, Until = time.GetUtcNow() + Lease }, cancellationToken);
        using var mine = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var renewing = RenewAsync(mine);
        try
        {
            await CarryOutAsync(mine.Token);
        }
        catch (Exception e) when (e is NexusException or OperationCanceledException)
        {
            // It stays as it is noted, and is taken up again.
            if (e is NexusException)
                Waits(log, _stored.Move.Tenant, _stored.Move.From, _stored.Move.To, e.Message);
            await LetGoAsync(e is NexusException ? e.Message : null, cancellationToken.IsCancellationRequested ? TimeSpan.Zero : Retry);
        }
        finally
        {
            await mine.CancelAsync();
            await renewing;
        }
    }

    private async Task CarryOutAsync(CancellationToken cancellationToken)
    {
        var move = _stored.Move;
        var (from, to) = (shards.Named(move.From)!, shards.Named(move.To)!);
        await using var transfer = await TenantMoves.Transfers(from).BeginAsync(move.Tenant, TenantMoves.Transfers(to), from.Out(0), cancellationToken);
        if (move.State == TenantMoveState.Copying)
        {
            Begun(log, move.Tenant, move.From, move.To);
            try
            {
                await SwitchAsync(transfer, cancellationToken);
            }
            catch (NexusException e) when (_stored.Move.State == TenantMoveState.Copying)
            {
                await NoteAsync(m => m with { State = TenantMoveState.Undoing, Error = e.Message }, cancellationToken);
            }
        }

        switch (_stored.Move.State)
        {
            case TenantMoveState.Undoing:
                await transfer.RunAsync(TransferStep.Undo, cancellationToken);
                await EndAsync(TenantMoveState.Failed, cancellationToken);
                Failed(log, move.Tenant, move.From, _stored.Move.Error ?? "");
                break;
            case TenantMoveState.Cleaning:
                shards.Relocate(move.Tenant, to);
                await transfer.RunAsync(TransferStep.Arrive, cancellationToken);
                await transfer.RunAsync(TransferStep.Clean, cancellationToken);
                await EndAsync(TenantMoveState.Done, cancellationToken);
                Done(log, move.Tenant, move.To, _stored.Move.Rows);
                break;
        }
    }

    private async Task SwitchAsync(ITenantTransfer transfer, CancellationToken cancellationToken)
    {
        var (tenant, from, to) = (_stored.Move.Tenant, _stored.Move.From, _stored.Move.To);
        for (var round = 1; ; round++)
        {
            var rows = await transfer.RunAsync(TransferStep.Copy, cancellationToken);
            await NoteAsync(m => m with { Rows = m.Rows + rows, Error = null }, cancellationToken);
            if (rows < Few || round == MaxRounds)
                break;
        }

        await transfer.RunAsync(TransferStep.Close, cancellationToken);
        var closed = time.GetTimestamp();
        var rest = await transfer.RunAsync(TransferStep.Land, cancellationToken);
        await transfer.RunAsync(TransferStep.Leave, cancellationToken);
        await NoteAsync(m => m with { State = TenantMoveState.Cleaning, Rows = m.Rows + rest }, cancellationToken, await register.MoveAsync(tenant, from, to, cancellationToken));
        shards.Relocate(tenant, shards.Named(to)!);
        await transfer.RunAsync(TransferStep.Arrive, cancellationToken);
        await NoteAsync(m => m with { ClosedMilliseconds = time.GetElapsedTime(closed).TotalMilliseconds }, cancellationToken);
    }

    /// <summary>Changes what is stored of the move; only while it is this node's.</summary>
    private async Task NoteAsync(Func<TenantMove, TenantMove> change, CancellationToken cancellationToken, params RecordWrite[] others)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            // What has been sent is waited for: it may be stored although nobody waits.
            _stored = await table.PutAsync(_stored with { Move = change(_stored.Move), Until = time.GetUtcNow() + Lease }, CancellationToken.None, others);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task EndAsync(TenantMoveState state, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            var ended = _stored with { Move = _stored.Move with { State = state, EndedAt = time.GetUtcNow() } };
            await table.EndAsync(ended, CancellationToken.None);
            _stored = ended;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task LetGoAsync(string? error, TimeSpan retry)
    {
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            await table.PutAsync(_stored with { Move = _stored.Move with { Error = error ?? _stored.Move.Error }, Until = time.GetUtcNow() + retry }, CancellationToken.None);
        }
        catch (NexusException)
        {
            // Its lease ends by itself.
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task RenewAsync(CancellationTokenSource mine)
    {
        while (true)
        {
            await Task.Delay(Lease / 3, time, mine.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (mine.IsCancellationRequested)
                return;
            try
            {
                await NoteAsync(static m => m, mine.Token);
            }
            catch (Exception e) when (e is NexusException or OperationCanceledException)
            {
                // It is another node's, or nobody can tell whose.
                await mine.CancelAsync();
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "The tenant {Tenant} is moved from {From} to {To}")]
    private static partial void Begun(ILogger log, string tenant, string from, string to);

    [LoggerMessage(2, LogLevel.Information, "The tenant {Tenant} lies in {To} now: {Rows} rows were copied")]
    private static partial void Done(ILogger log, string tenant, string to, long rows);

    [LoggerMessage(3, LogLevel.Error, "The tenant {Tenant} was not moved and lies in {From} as before: {Reason}")]
    private static partial void Failed(ILogger log, string tenant, string from, string reason);

    [LoggerMessage(4, LogLevel.Warning, "The move of tenant {Tenant} from {From} to {To} waits: {Reason}")]
    private static partial void Waits(ILogger log, string tenant, string from, string to, string reason);
}
