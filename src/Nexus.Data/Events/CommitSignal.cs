namespace Nexus.Data.Events;

/// <summary>Wakes those who wait for new deliveries. Take <see cref="Next"/> before looking, so that a commit in between is not missed.</summary>
internal sealed class CommitSignal
{
    private volatile TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Next => _next.Task;

    public void Fire() => Interlocked.Exchange(ref _next, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}
