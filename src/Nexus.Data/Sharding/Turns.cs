using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Sharding;

/// <summary>Work that a node does for all databases: one that does not answer is left out and tried again a little later, and the others go on.</summary>
internal sealed partial class Turns(Shards shards, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly long[] _failedAt = new long[shards.All.Length];
    private readonly int[] _failures = new int[shards.All.Length];
    private int _next;

    /// <summary>The databases that answered last, beginning with another one each time.</summary>
    public ImmutableArray<Shard> Next()
    {
        var first = (Interlocked.Increment(ref _next) & int.MaxValue) % shards.All.Length;
        return [.. shards.All[first..].Concat(shards.All[..first]).Where(s => Volatile.Read(ref _failures[s.Number]) == 0 || time.GetElapsedTime(Volatile.Read(ref _failedAt[s.Number])) >= Pause)];
    }

    /// <summary>Waits until those that did not answer are worth another question.</summary>
    public async Task<bool> PauseAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Pause, time, cancellationToken);
        return false;
    }

    /// <summary>Runs work on one; its failure is logged once an outage and answered with the alternative. When all fail, the failure is the caller's.</summary>
    public async ValueTask<T> TryAsync<T>(Shard shard, Func<ValueTask<T>> work, T otherwise)
    {
        try
        {
            var result = await work();
            if (Interlocked.Exchange(ref _failures[shard.Number], 0) > 0)
                Back(log, shard.Name);
            return result;
        }
        catch (NexusException e) when (e.Code == ErrorCodes.StorageUnavailable)
        {
            Volatile.Write(ref _failedAt[shard.Number], time.GetTimestamp());
            if (Interlocked.Increment(ref _failures[shard.Number]) == 1)
                Gone(log, shard.Name, e.Message);
            if (_failures.All(f => f > 0))
                throw;
            return otherwise;
        }
    }

    /// <summary>
    /// Takes what is due in any database: first what is there, then by waiting in all of them at once. The first one that has something ends the wait of the others;
    /// what one of those took in the same moment is taken as well, so a little more than asked for may come, which <paramref name="handBack"/> gives back.
    /// </summary>
    /// <param name="limit">At most so many.</param>
    /// <param name="maxWait">How long to wait for the first.</param>
    /// <param name="take">Takes at most so many from a database, waiting so long for the first.</param>
    /// <param name="surplus">Which of those taken are too many.</param>
    /// <param name="handBack">Gives them back untried.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<ImmutableArray<T>> TakeAsync<T>(int limit, TimeSpan maxWait, Func<Shard, ImmutableArray<T>, int, TimeSpan, CancellationToken, ValueTask<ImmutableArray<T>>> take, Func<ImmutableArray<T>, ImmutableArray<T>> surplus, Func<ImmutableArray<T>, ValueTask> handBack, CancellationToken cancellationToken)
    {
        ImmutableArray<T> taken = [];
        foreach (var shard in Next())
        {
            if (taken.Length < limit && !cancellationToken.IsCancellationRequested)
                taken = [.. taken, .. await TryAsync(shard, () => take(shard, taken, limit - taken.Length, TimeSpan.Zero, cancellationToken), [])];
        }

        if (taken.Length > 0 || maxWait <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
            return taken;
        var answering = Next();
        // Who was left out is asked again soon.
        var wait = answering.Length < shards.All.Length && maxWait > Pause ? Pause : maxWait;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (answering.IsEmpty)
            await Task.Delay(wait, time, ends.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var found = await Task.WhenAll(answering.Select(shard => WaitAsync(shard, wait, take, ends)));
        taken = [.. found.SelectMany(f => f)];
        if (surplus(taken) is not { Length: > 0 } tooMany)
            return taken;
        await handBack(tooMany);
        return [.. taken.Except(tooMany)];
    }

    private async Task<ImmutableArray<T>> WaitAsync<T>(Shard shard, TimeSpan maxWait, Func<Shard, ImmutableArray<T>, int, TimeSpan, CancellationToken, ValueTask<ImmutableArray<T>>> take, CancellationTokenSource ends)
    {
        // One at a time: the rest is taken at the next call, which finds it there.
        var taken = await TryAsync(shard, () => take(shard, [], 1, maxWait, ends.Token), []);
        if (taken.Length > 0)
            await ends.CancelAsync();
        else if (Volatile.Read(ref _failures[shard.Number]) > 0)
            ends.CancelAfter(Pause);
        return taken;
    }

    [LoggerMessage(1, LogLevel.Error, "The database {Shard} does not answer; its tenants wait, the others go on: {Reason}")]
    private static partial void Gone(ILogger log, string shard, string reason);

    [LoggerMessage(2, LogLevel.Information, "The database {Shard} answers again")]
    private static partial void Back(ILogger log, string shard);
}
