namespace Nexus.Data.Sharing;

/// <summary>What a plugin follows, under its lease: a generation that has left is told nothing.</summary>
internal sealed class PluginChanges(IChanges changes, IGeneration lease) : IChanges
{
    public IDisposable Follow(string prefix, Func<DocumentChange, CancellationToken, Task> changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        return changes.Follow(prefix, async (change, cancellationToken) =>
        {
            if (!lease.TryEnter())
                return;
            try
            {
                await changed(change, cancellationToken);
            }
            finally
            {
                lease.Exit();
            }
        });
    }
}
