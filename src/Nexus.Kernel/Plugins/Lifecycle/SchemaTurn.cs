namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>
/// A plugin's turn to begin its schema change among those that come up together. The change is held until all of them are published, and other nodes
/// bring up the same plugins at the same time: two that took them in different orders would wait for each other. So each takes them by id.
/// </summary>
internal sealed class SchemaTurn
{
    private readonly TaskCompletionSource passed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task before;
    private readonly Task over;

    public SchemaTurn(SchemaTurn? before)
    {
        this.before = before?.over ?? Task.CompletedTask;
        over = Task.WhenAll(this.before, passed.Task);
    }

    /// <summary>Completes when all before it began their change, or will not.</summary>
    public Task ComesAsync(CancellationToken cancellationToken) => before.WaitAsync(cancellationToken);

    /// <summary>It began its change, or will not.</summary>
    public void Pass() => passed.TrySetResult();
}
