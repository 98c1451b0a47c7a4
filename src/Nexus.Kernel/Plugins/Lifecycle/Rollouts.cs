using System.Globalization;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Begins, widens, promotes and aborts rollouts. Both versions are in memory meanwhile; each step is one publication. The caller holds the entry's gate.</summary>
internal sealed class Rollouts(Swap swap, SnapshotBoard board, LifecycleEvents events)
{
    /// <summary>Brings the package up beside what serves and publishes both.</summary>
    /// <exception cref="NexusException">It did not come up, or cannot share the callers; what served serves all of them.</exception>
    public async Task BeginAsync(PluginEntry entry, PluginPackage package, double percent, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        if (entry.Active is not { } serving)
        {
            throw new NexusException(ErrorCodes.Conflict, $"{entry.Id} is not active, so there is nothing to roll out beside. Install or enable it first.");
        }

        if (entry.Rollout is { } under)
        {
            throw new NexusException(ErrorCodes.Conflict, $"{under.Package.Manifest.Version} of {entry.Id} is being rolled out to {Text(under.Percent)} %. Promote or abort it first.");
        }

        if (!Swap.CanReplace(entry, package))
        {
            throw new NexusException(ErrorCodes.PluginNotSwappable, $"{entry.Id} is stable: its versions cannot run beside each other. Set `isolation` to hot, or update it for the next start.");
        }

        await swap.CheckLeakedAsync(entry);
        var candidate = await swap.PrepareAsync(entry, package, progress, cancellationToken);
        try
        {
            if (candidate.SchemaVersion != serving.SchemaVersion)
            {
                throw new NexusException(ErrorCodes.Conflict, $"{package.Manifest.Version} of {entry.Id} brings migration {candidate.SchemaVersion}, {serving.Manifest.Version} knows {serving.SchemaVersion}: two versions that share data must know the same. Update the plugin as a whole.");
            }

            var rollout = new Rollout(candidate, package, percent);
            await board.ShowAsync(rollout.Beside(serving), () => candidate.Schema?.CommitAsync(cancellationToken) ?? default, cancellationToken);
            entry.Rollout = rollout;
        }
        catch (Exception e)
        {
            throw await swap.DiscardAsync(entry, candidate, PluginState.Registering, e);
        }

        candidate.NotifyPublished();
        await ToldAsync(entry);
    }

    /// <summary>Changes the share; callers that reached the new version still do when it grows.</summary>
    public async Task ChangeAsync(PluginEntry entry, double percent, CancellationToken cancellationToken)
    {
        var rollout = Under(entry) with { Percent = percent };
        await board.ShowAsync(rollout.Beside(entry.Active!), null, cancellationToken);
        entry.Rollout = rollout;
        await ToldAsync(entry);
    }

    /// <summary>The new version serves everybody; the old one is retired.</summary>
    public async Task<PluginPackage> PromoteAsync(PluginEntry entry, CancellationToken cancellationToken)
    {
        var rollout = Under(entry);
        await board.ShowAsync(rollout.Candidate.Active!, null, cancellationToken);
        entry.Rollout = null;
        entry.Set(s => s with { Rollout = null });
        await swap.TakeOverAsync(entry, rollout.Package, rollout.Candidate);
        return rollout.Package;
    }

    /// <summary>The serving version serves everybody again; the new one is retired.</summary>
    public async Task AbortAsync(PluginEntry entry, CancellationToken cancellationToken)
    {
        var rollout = Under(entry);
        await board.ShowAsync(entry.Active!.Active!, null, cancellationToken);
        entry.Rollout = null;
        swap.Retire(entry, rollout.Candidate);
        await ToldAsync(entry);
    }

    private static Rollout Under(PluginEntry entry) => entry.Rollout ??
        throw new NexusException(ErrorCodes.Conflict, $"No version of {entry.Id} is being rolled out. Begin with `nexus plugin rollout {entry.Id} PACKAGE --percent 10`.");

    private static string Text(double percent) => percent.ToString(CultureInfo.InvariantCulture);

    private Task ToldAsync(PluginEntry entry)
    {
        entry.Set(s => s with { Rollout = entry.Rollout is { } r ? new PluginRollout(r.Package.Manifest.Version, r.Candidate.Number, r.Percent) : null });
        return events.PublishAsync("rollout", entry.Status);
    }
}
