using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.Accounts;

/// <summary>Follows what other nodes do to accounts, sessions, keys and roles, so that memory here is as it is there: who was signed out on one node is signed out on all.</summary>
internal sealed class Following(Tenants tenants, KeyRing keys, IChanges? changes) : IDisposable
{
    /// <summary>Where the plugin's own part of the tree is.</summary>
    public const string Own = "plugins/core/core.identity/";

    private readonly TaskCompletionSource loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IDisposable[] following = [];

    /// <summary>Listens from now on; what is heard waits until everything has been read once.</summary>
    public void Begin() => following = changes is null ? [] : [changes.Follow("core/", TakeAsync), changes.Follow(Own, TakeAsync)];

    /// <summary>Everything has been read once.</summary>
    public void Loaded() => loaded.TrySetResult();

    public void Dispose()
    {
        foreach (var one in following) one.Dispose();
    }

    private async Task TakeAsync(DocumentChange change, CancellationToken cancellationToken)
    {
        await loaded.Task.WaitAsync(cancellationToken);
        if (change.Path is null or $"{Own}data/tokens/keys") await keys.RefreshAsync(cancellationToken);
        await tenants.FollowAsync(change, cancellationToken);
    }
}
