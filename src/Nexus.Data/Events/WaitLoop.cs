namespace Nexus.Data.Events;

/// <summary>The waiting part of claims and reads, alike for all engines: look, then wait for a commit, the next due time or the limit. Cancelling ends the wait and returns what the last look found.</summary>
internal static class WaitLoop
{
    /// <summary>Retries and lost leases become due without a commit, so a waiting claim looks again this often.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    public static async ValueTask<T> RunAsync<T>(TimeSpan maxWait, CommitSignal signal, TimeProvider time, Func<ValueTask<(T Result, bool Found)>> look, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var next = signal.Next;
            var (result, found) = await look();
            var left = maxWait - time.GetElapsedTime(started);
            if (found || left <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
                return result;
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(next, Task.Delay(left < Look ? left : Look, time, wait.Token));
            await wait.CancelAsync();
        }
    }
}
