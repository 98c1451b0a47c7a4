using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Nexus.Core.Audit.Alerts;
using Nexus.Core.Audit.Anchors;

namespace Nexus.Core.Audit.Chain;

/// <summary>
/// Moves entries from the node's queue into the trails of their tenants. For each tenant:
/// 1. leave out what an earlier run already sealed (it died before step 4);
/// 2. append the entries and their signed seal in one commit;
/// 3. anchor the seal;
/// 4. only then remove the entries from the queue.
/// A death at any point repeats from 1, so nothing is lost and nothing comes twice.
/// </summary>
internal sealed partial class Sealer(IAuditQueue queue, TrailStore store, SealKeys keys, ImmutableArray<IAnchor> anchors, AlertWatch alerts, TimeSpan interval, SealerHost host, SealTurn turn) : IAsyncDisposable
{
    /// <summary>Greatest number of entries of a seal.</summary>
    public const int MaxBatch = 4096;

    private const int MaxRecent = 256;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _gate = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, Head> _heads = new(StringComparer.Ordinal);
    private Task _loop = Task.CompletedTask;
    private long _after;
    private long _waitingSince;
    private volatile string? _failure;

    /// <summary>For how long a caller waits for the node whose turn it is.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Why sealing stands still, or null.</summary>
    public string? Failure => _failure;

    /// <summary>For how long entries have waited for their seal; zero when none does.</summary>
    public TimeSpan Waiting => Interlocked.Read(ref _waitingSince) is var since and not 0 ? host.Time.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>What contradicts the anchor, or null.</summary>
    public string? Contradiction { get; private set; }

    /// <summary>Begins to seal.</summary>
    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Seals what has been committed until now.</summary>
    /// <param name="cancellationToken">Stops the work between batches.</param>
    /// <param name="batches">At most so many, for callers who must not wait for a long queue.</param>
    public async Task CatchUpAsync(CancellationToken cancellationToken, int batches = int.MaxValue)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (!await IsTurnAsync(cancellationToken))
            {
                await OthersAsync(batches, cancellationToken);
                return;
            }

            for (; batches > 0 && await queue.ReadAsync(_after, MaxBatch, cancellationToken) is { IsEmpty: false } batch; batches--)
            {
                // Begun, it is carried through: a caller who hangs up must not leave a batch half moved.
                foreach (var group in batch.GroupBy(e => Encoding.UTF8.GetString(AuditEncoding.TextOf(e.Encoded.Span, AuditEncoding.Tenant)), StringComparer.Ordinal))
                    await SealAsync(group.Key, [.. group], CancellationToken.None);
                await queue.RemoveAsync(batch[^1].Position, CancellationToken.None);
                _after = batch[^1].Position;
                if (batch.Length < MaxBatch)
                    return;
            }
        }
        catch
        {
            // What was moved and what was not is read anew from the trail.
            _heads.Clear();
            throw;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<bool> IsTurnAsync(CancellationToken cancellationToken)
    {
        var (mine, fresh) = await turn.TakeAsync(cancellationToken);
        if (fresh)
        {
            // Another node may have sealed since: all is read anew.
            _heads.Clear();
        }

        return mine;
    }

    /// <summary>A caller waits until the node whose turn it is has sealed what is there now; the loop does not.</summary>
    private async Task OthersAsync(int batches, CancellationToken cancellationToken)
    {
        if (batches == int.MaxValue || await queue.ReadAsync(0, MaxBatch, cancellationToken) is not { IsEmpty: false } waiting)
            return;
        // Entries of several databases come together, so that a greater position alone does not say that those before it are done.
        var positions = waiting.Select(e => e.Position).ToHashSet();
        for (var begin = host.Time.GetTimestamp(); host.Time.GetElapsedTime(begin) < Patience;)
        {
            await Task.Delay(interval / 4, host.Time, cancellationToken);
            if (!(await queue.ReadAsync(0, MaxBatch, cancellationToken)).Any(e => positions.Contains(e.Position)))
                return;
        }
    }

    /// <summary>Runs while nothing is sealed; afterwards the trails and their anchors are read anew.</summary>
    public async Task<TResult> WhileStillAsync<TResult>(Func<Task<TResult>> work, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            var result = await work();
            Contradiction = null;
            return result;
        }
        finally
        {
            _heads.Clear();
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        await turn.LeaveAsync();
        _stop.Dispose();
        _gate.Dispose();
    }

    private async Task RunAsync()
    {
        // Until the node publishes the plugin, its database is in the hands of the migration.
        while (!host.IsServing() && !_stop.IsCancellationRequested)
            await Task.Delay(interval, host.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await queue.WaitAsync(_after, _stop.Token);
                Interlocked.CompareExchange(ref _waitingSince, host.Time.GetTimestamp(), 0);
                await Task.Delay(interval, host.Time, _stop.Token);
                await CatchUpAsync(_stop.Token);
                Interlocked.Exchange(ref _waitingSince, 0);
                _failure = null;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                _failure = e.Message;
                LogFailed(host.Log, e);
                await Task.Delay(Pause, host.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task SealAsync(string tenant, ImmutableArray<QueuedAuditEntry> entries, CancellationToken cancellationToken)
    {
        CallContext.Current = CallContext.System with { Tenant = tenant };
        if (!_heads.TryGetValue(tenant, out var head))
            head = await LoadAsync(tenant, entries[0].Position, cancellationToken);
        var fresh = head.Recent.Count == 0 ? entries : [.. entries.Where(e => !head.Recent.Contains(KeyOf(e.Position, e.Encoded)))];
        if (!fresh.IsEmpty)
        {
            var chain = head.Chain.ToArray();
            var batch = Batch.Seal(head.Last + 1, [.. fresh.Select(e => (e.Position, e.Encoded))], chain);
            var leaves = batch.Leaves();
            var seal = Sign(tenant, new Seal
            {
                Number = head.Number + 1,
                First = batch.First,
                Last = batch.First + batch.Count - 1,
                At = TrailStore.Microseconds(host.Time.GetUtcNow()),
                Root = MerkleTree.Root(leaves),
                Chain = chain,
                Previous = head.Digest,
                Key = keys.Current,
            });
            await store.AppendAsync(batch, Terms.Of(batch), seal, cancellationToken);
            head = new Head(seal.Number, seal.Last, seal.Chain, seal.Digest(tenant), []);
            await AnchorAsync(new AnchoredSeal(tenant, seal, AnchoredSeal.MarksOf(leaves)), cancellationToken);
            await alerts.WatchAsync(batch, cancellationToken);
        }

        _heads[tenant] = head with { Recent = [] };
    }

    private Seal Sign(string tenant, Seal seal) => seal with { Signature = keys.Sign(seal.Signed(tenant)) };

    /// <summary>Where the trail of a tenant ends; with the leaves of those seals whose entries the queue may still hold, and its anchors brought up to it.</summary>
    private async Task<Head> LoadAsync(string tenant, long oldest, CancellationToken cancellationToken)
    {
        if (await store.LastSealAsync(cancellationToken) is not { } last)
        {
            await CompareAsync(tenant, 0, cancellationToken);
            return new Head(0, 0, Hashing.Genesis(tenant), new byte[Hashing.Size], []);
        }

        await CompareAsync(tenant, last.Number, cancellationToken);
        var recent = new HashSet<string>(StringComparer.Ordinal);
        // Several deaths in a row leave entries of several seals; a queue that began anew has lower places than all of them.
        for (var (seal, turns) = (last, 0); seal is not null && turns < MaxRecent; seal = await store.SealOfAsync(seal.First - 1, cancellationToken), turns++)
        {
            if (await store.FindBatchAsync(seal.Number, cancellationToken) is not { } batch)
                break;
            recent.UnionWith(Enumerable.Range(0, batch.Count).Select(i => KeyOf(batch.Source(i), batch.Encoded(i))));
            if (batch.Source(0) < oldest)
                break;
        }

        return new Head(last.Number, last.Last, last.Chain, last.Digest(tenant), recent);
    }

    private async Task CompareAsync(string tenant, long number, CancellationToken cancellationToken)
    {
        foreach (var anchor in anchors)
        {
            var anchored = await anchor.LastAsync(cancellationToken);
            if (anchored > number)
            {
                Contradiction = $"The anchor {anchor.Name} knows {anchored} seals of tenant {tenant}, its database {number}: it was put back or replaced. Run 'nexus audit verify'; if a backup was put back on purpose, 'nexus audit acknowledge'.";
                LogContradiction(host.Log, Contradiction);
            }
        }

        await BringUpAsync(tenant, number, cancellationToken);
    }

    private async Task BringUpAsync(string tenant, long number, CancellationToken cancellationToken)
    {
        foreach (var anchor in anchors)
        {
            var anchored = await anchor.LastAsync(cancellationToken);
            while (anchored < number && await store.SealsAsync(anchored, 64, cancellationToken) is { IsEmpty: false } seals)
            {
                foreach (var seal in seals)
                {
                    var batch = await store.FindBatchAsync(seal.Number, cancellationToken);
                    await anchor.AppendAsync(new AnchoredSeal(tenant, seal, AnchoredSeal.MarksOf(batch?.Leaves() ?? [])), cancellationToken);
                    anchored = seal.Number;
                }
            }
        }
    }

    /// <summary>The first anchor must keep the seal before the entries leave the queue; a further one that is away is caught up later.</summary>
    private async Task AnchorAsync(AnchoredSeal seal, CancellationToken cancellationToken)
    {
        await anchors[0].AppendAsync(seal, cancellationToken);
        foreach (var anchor in anchors.Skip(1))
        {
            try
            {
                if (await anchor.LastAsync(cancellationToken) < seal.Seal.Number - 1)
                    await BringUpAsync(seal.Tenant, seal.Seal.Number, cancellationToken);
                else
                    await anchor.AppendAsync(seal, cancellationToken);
            }
            catch (Exception e)
            {
                LogAnchorAway(host.Log, anchor.Name, e.Message);
            }
        }
    }

    /// <summary>What tells an entry of the queue from any other, also from one of a queue that began anew.</summary>
    private static string KeyOf(long source, ReadOnlyMemory<byte> encoded) => string.Create(CultureInfo.InvariantCulture, $"{source}:{Convert.ToHexString(SHA256.HashData(encoded.Span))}");

    [LoggerMessage(Level = LogLevel.Error, Message = "audit.sealing.failed: entries wait in the queue and are tried again")]
    private static partial void LogFailed(ILogger log, Exception cause);

    [LoggerMessage(Level = LogLevel.Critical, Message = "audit.trail.contradicts.anchor {What}")]
    private static partial void LogContradiction(ILogger log, string what);

    [LoggerMessage(Level = LogLevel.Warning, Message = "audit.anchor.away {Anchor}: {Cause}")]
    private static partial void LogAnchorAway(ILogger log, string anchor, string cause);

    private sealed record Head(long Number, long Last, byte[] Chain, byte[] Digest, HashSet<string> Recent);
}

/// <summary>What the sealer needs of its node.</summary>
/// <param name="IsServing">Whether the node has published the plugin.</param>
/// <param name="Time">Its clock.</param>
/// <param name="Log">Its log.</param>
internal sealed record SealerHost(Func<bool> IsServing, TimeProvider Time, ILogger Log);
