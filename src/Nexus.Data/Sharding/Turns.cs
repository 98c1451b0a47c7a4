using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Sharding;

/// <summary>Work that a node does for all databases. One that does not answer is left out, and the others go on; a probe beside the work finds when it is back, so that an outage is waited for once and not at each turn.</summary>
/// <param name="shards">The databases.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where outages are told of.</param>
/// <param name="patience">How long one may take that is neither done nor refused; 5 s when null.</param>
internal sealed partial class Turns(Shards shards, TimeProvider time, ILogger log, TimeSpan? patience = null) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _patience = patience ?? TimeSpan.FromSeconds(5);
    private readonly bool[] _away = new bool[shards.All.Length];
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ending = new();
    private int _next;

    /// <summary>The databases that answer, beginning with another one each time.</summary>
    public ImmutableArray<Shard> Next()
    {
        var first = (Interlocked.Increment(ref _next) & int.MaxValue) % shards.All.Length;
        return [.. shards.All[first..].Concat(shards.All[..first]).Where(s => !Volatile.Read(ref _away[s.Number]))];
    }

    /// <summary>Waits until those that did not answer are worth another question; false.</summary>
    public async Task<bool> PauseAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Pause, time, cancellationToken);
        return false;
    }

    /// <summary>Nothing is probed any more.</summary>
    public void Dispose()
    {
        _ending.Cancel();
        _ending.Dispose();
    }

    /// <summary>Runs work on one; its failure is told once an outage and answered with the alternative. When none answers, the failure is the caller's.</summary>
    /// <param name="shard">The database.</param>
    /// <param name="work">The work.</param>
    /// <param name="otherwise">The alternative.</param>
    /// <param name="until">The work may wait until this ends, and is given its time then; null when it does not wait.</param>
    /// <param name="late">Gets what the work brings after it was given up; null when nobody need know.</param>
    public async ValueTask<T> TryAsync<T>(Shard shard, Func<ValueTask<T>> work, T otherwise, Task? until = null, Func<T, ValueTask>? late = null)
    {
        var running = StartAsync(work);
        try
        {
            if (until is not null)
                await Task.WhenAny(running, until);
            return await running.WaitAsync(_patience, time);
        }
        catch (TimeoutException) when (!running.IsCompleted)
        {
            _ = LateAsync(running, late);
            Leave(shard, new NexusException(ErrorCodes.StorageUnavailable, $"The database {shard.Name} did not answer within {_patience.TotalSeconds:0.#} s."));
        }
        catch (NexusException e) when (e.Code == ErrorCodes.StorageUnavailable)
        {
            Leave(shard, e);
        }

        return otherwise;
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
                taken = [.. taken, .. await TryAsync(shard, () => take(shard, taken, limit - taken.Length, TimeSpan.Zero, cancellationToken), [], null, handBack)];
        }

        if (taken.Length > 0 || maxWait <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
            return taken;
        var answering = Next();
        // Who was left out may be back soon.
        var wait = answering.Length < shards.All.Length && maxWait > Pause ? Pause : maxWait;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (answering.IsEmpty)
            await Task.Delay(wait, time, ends.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var found = await Task.WhenAll(answering.Select(shard => WaitAsync(shard, wait, take, handBack, ends)));
        await ends.CancelAsync();
        taken = [.. found.SelectMany(f => f)];
        if (surplus(taken) is not { Length: > 0 } tooMany)
            return taken;
        await handBack(tooMany);
        return [.. taken.Except(tooMany)];
    }

    private static async Task<T> StartAsync<T>(Func<ValueTask<T>> work) => await work();

    private static async Task LateAsync<T>(Task<T> running, Func<T, ValueTask>? late)
    {
        try
        {
            var result = await running;
            if (late is not null)
                await late(result);
        }
        catch (Exception e) when (e is NexusException or OperationCanceledException or ObjectDisposedException)
        {
            // Its outage was told of; what it leased is due again when the lease ends.
        }
    }

    private async Task<ImmutableArray<T>> WaitAsync<T>(Shard shard, TimeSpan maxWait, Func<Shard, ImmutableArray<T>, int, TimeSpan, CancellationToken, ValueTask<ImmutableArray<T>>> take, Func<ImmutableArray<T>, ValueTask> handBack, CancellationTokenSource ends)
    {
        // One at a time: the rest is taken at the next call, which finds it there.
        var until = Task.Delay(maxWait, time, ends.Token).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        var taken = await TryAsync(shard, () => take(shard, [], 1, maxWait, ends.Token), [], until, handBack);
        if (taken.Length > 0)
            await ends.CancelAsync();
        else if (Volatile.Read(ref _away[shard.Number]))
            ends.CancelAfter(Pause);
        return taken;
    }

    /// <summary>Leaves a database out until it answers a probe.</summary>
    private void Leave(Shard shard, NexusException failure)
    {
        lock (_gate)
        {
            if (!_away[shard.Number])
            {
                _away[shard.Number] = true;
                Gone(log, shard.Name, failure.Message);
                using (ExecutionContext.SuppressFlow())
                    _ = Task.Run(() => ProbeAsync(shard));
            }

            if (_away.All(a => a))
                throw failure;
        }
    }

    private async Task ProbeAsync(Shard shard)
    {
        try
        {
            do
                await Task.Delay(Pause, time, _ending.Token);
            while ((await shard.CheckHealthAsync(_ending.Token)).Status == HealthLevel.Unhealthy);
            Back(log, shard.Name);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The node stops.
        }
        finally
        {
            Volatile.Write(ref _away[shard.Number], false);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The database {Shard} does not answer; its tenants wait, the others go on: {Reason}")]
    private static partial void Gone(ILogger log, string shard, string reason);

    [LoggerMessage(2, LogLevel.Information, "The database {Shard} answers again")]
    private static partial void Back(ILogger log, string shard);
}
