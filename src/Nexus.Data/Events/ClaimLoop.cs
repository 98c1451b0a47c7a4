using System.Collections.Immutable;

namespace Nexus.Data.Events;

/// <summary>The waiting part of a claim, alike for all engines: try, then wait for a commit, the next due time or the limit.</summary>
internal static class ClaimLoop
{
    /// <summary>Retries and lost leases become due without a commit, so a waiting claim looks again this often.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    public static async ValueTask<ImmutableArray<EventDelivery>> RunAsync(DeliveryClaim claim, CommitSignal signal, TimeProvider time, Func<ValueTask<ImmutableArray<EventDelivery>>> take, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var next = signal.Next;
            var taken = claim.Groups.IsDefaultOrEmpty ? [] : await take();
            var left = claim.MaxWait - time.GetElapsedTime(started);
            if (taken.Length > 0 || left <= TimeSpan.Zero)
                return taken;
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(next, Task.Delay(left < Look ? left : Look, time, wait.Token));
            await wait.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
