using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins.Generations;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>
/// Replaces what serves for a plugin, or starts it: 1. prepare the new generation beside the old; 2. publish atomically; 3. retire
/// the old. A failure before 2 leaves the old generation serving and the data as it was. The caller holds the entry's gate.
/// </summary>
internal sealed class Swap(GenerationLoader loader, SnapshotBoard board, Retirement retirement, LifecycleEvents events, PluginsOptions options, TimeProvider time, ILogger logger)
{
    /// <exception cref="NexusException">Why the newcomer was not published.</exception>
    public async Task ReplaceAsync(PluginEntry entry, PluginPackage package, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        if (!CanReplace(entry, package))
        {
            throw new NexusException(ErrorCodes.PluginNotSwappable, $"{entry.Id} is stable; its code stays until the node restarts. Update it, which keeps the new version for the next start, or set `isolation` to hot.");
        }

        var generation = await PrepareAsync(entry, package, progress, cancellationToken);
        await PublishAsync([(entry, package, generation)], cancellationToken);
        if (entry.Active != generation)
        {
            throw new NexusException(entry.LastError!.Code, entry.LastError.Message) { Errors = entry.LastError.Errors };
        }
    }

    /// <summary>Stops the growth of a plugin whose code does not leave. The way back from an unhealthy version does not ask.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_QUARANTINED</c>.</exception>
    public async Task CheckLeakedAsync(PluginEntry entry)
    {
        if (entry.Leaked >= options.MaxAlive)
        {
            await RecheckAsync(entry, thorough: true);
        }

        if (entry.Leaked >= options.MaxAlive)
        {
            throw new NexusException(ErrorCodes.PluginQuarantined, $"{entry.Leaked} old generations of {entry.Id} did not leave memory, so no further one is loaded; what serves now serves on. `nexus plugin why-alive {entry.Id}` names what holds them; restart the node.");
        }
    }

    /// <summary>Looks again whether generations that were given up have left memory meanwhile. The caller holds the entry's gate.</summary>
    public async Task RecheckAsync(PluginEntry entry, bool thorough)
    {
        await retirement.NudgeAsync(thorough);
        if (entry.Recount(left => Warning(entry, left)) == 0)
        {
            return;
        }

        PluginLog.LeftLate(logger, entry.Id, entry.Leaked);
        if (entry.Leaked == 0 && entry.Lingering)
        {
            entry.Lingering = false;
            entry.Set(s => s with { Cause = null, Remedy = null });
            Rest(entry, PluginState.Stopped);
            await events.PublishAsync("unloaded", entry.Status);
        }
    }

    /// <summary>Whether the package can take over while the node runs: code that is not collectible stays until the process ends.</summary>
    public static bool CanReplace(PluginEntry entry, PluginPackage package) =>
        entry.Active is not { } active || entry.BuiltIn is not null
        || (GenerationLoader.IsolationOf(active.Manifest) != PluginIsolation.Stable && GenerationLoader.IsolationOf(package.Manifest) != PluginIsolation.Stable);

    /// <summary>1. Loads, migrates, starts and checks a new generation; nothing of it is visible.</summary>
    /// <exception cref="NexusException">It did not come up; what it did is undone and the failure is on record.</exception>
    public async Task<Generation> PrepareAsync(PluginEntry entry, PluginPackage package, IProgress<PluginProgress>? progress, CancellationToken cancellationToken, SchemaTurn? turn = null)
    {
        var generation = new Generation(package.Manifest, entry.NextGeneration(), package.ContentHash);
        var state = PluginState.Validating;
        Enter(PluginState.Validating);

        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var token = late.Token;

        // On a pool thread and under a limit: a constructor, Configure or Start of a plugin may block or never return.
        using var limit = new StepLimit(options.StartTimeout, time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Reached);
        var way = new Ascent(Enter, new Pace(time, entry.Active is null ? 0 : Pace.Considerate), limit, turn);
        var work = Task.Run(() => loader.LoadAsync(generation, package, entry.BuiltIn, way, token), CancellationToken.None);
        try
        {
            await work.WaitAsync(over.Token);
            return generation;
        }
        catch (Exception thrown)
        {
            var e = thrown is OperationCanceledException && !work.IsCompleted && !cancellationToken.IsCancellationRequested ? new TimeoutException() : thrown;
            await late.CancelAsync();
            _ = work.ContinueWith(static t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw await DiscardAsync(entry, generation, state, e);
        }

        void Enter(PluginState next)
        {
            state = next;
            SetState(entry, generation, next);
            progress?.Report(new PluginProgress(entry.Id, next.ToString(), Math.Min(1, (double)next / (double)PluginState.Active)));
        }
    }

    /// <summary>2. Publishes prepared generations in one snapshot, then 3. retires those they replace. One that is refused is discarded.</summary>
    public async Task PublishAsync(IReadOnlyList<(PluginEntry Entry, PluginPackage Package, Generation Generation)> prepared, CancellationToken cancellationToken)
    {
        var refusals = new Dictionary<Generation, Exception>();
        foreach (var (entry, _, generation) in prepared)
        {
            SetState(entry, generation, PluginState.Registering);
        }

        var published = await board.PublishAsync([.. prepared.Select(p => p.Generation)], refusals.Add, cancellationToken);
        foreach (var (entry, package, generation) in prepared)
        {
            if (!published.Contains(generation))
            {
                await DiscardAsync(entry, generation, PluginState.Registering, refusals[generation]);
                continue;
            }

            await TakeOverAsync(entry, package, generation);
        }
    }

    /// <summary>What is published is now the plugin's active generation; the one before it is retired.</summary>
    public async Task TakeOverAsync(PluginEntry entry, PluginPackage package, Generation generation)
    {
        var old = entry.Active;
        entry.Before = old is null ? null : entry.Package;
        entry.WatchedUntil = old is null ? default : time.GetUtcNow() + options.WatchPeriod;
        (entry.Active, entry.Package, entry.Dormant, entry.LastError, entry.Lingering) = (generation, package, false, null, false);
        entry.Set(s => s with { FailedIn = null, Cause = null, Remedy = null, Pending = null, Health = PluginHealth.Healthy, Warning = generation.Warning ?? s.Warning });
        SetState(entry, generation, PluginState.Active);
        generation.NotifyPublished();
        if (old is not null)
        {
            Retire(entry, old);
        }

        await events.PublishAsync("loaded", entry.Status);
    }

    /// <summary>Drains, stops and unloads a generation that is no longer published, and counts it until it has left.</summary>
    public void Retire(PluginEntry entry, Generation generation) => Retire(entry, generation, retirement.CloseAndUnloadAsync(generation));

    /// <summary>Takes the plugin out of service and out of memory.</summary>
    public async Task StopAsync(PluginEntry entry, bool proveUnload)
    {
        await board.WithdrawAsync(entry.Id);
        entry.Dormant = false;
        if (entry.Rollout is { } rollout)
        {
            entry.Rollout = null;
            entry.Set(s => s with { Rollout = null });
            Retire(entry, rollout.Candidate);
        }

        if (entry.Active is not { } generation)
        {
            Rest(entry, PluginState.Stopped);
            return;
        }

        SetState(entry, generation, PluginState.Stopping);
        await retirement.CloseAsync(generation, published: true);
        entry.Active = null;
        loader.RestoreSettings(entry.Id, null);
        if (proveUnload)
        {
            if (await Retire(entry, generation, retirement.UnloadAsync(generation, urgent: true)) is not null)
            {
                entry.Lingering = true;
                entry.Set(s => s with { Cause = $"Generation {generation.Number} did not leave memory within {options.UnloadLimit}.", Remedy = ErrorCodes.Get(ErrorCodes.PluginQuarantined).Remedy });
                Rest(entry, PluginState.Quarantined);
                await events.PublishAsync("error", entry.Status);
                return;
            }
        }

        Rest(entry, PluginState.Stopped);
        await events.PublishAsync("unloaded", entry.Status);
    }

    /// <summary>Takes a plugin that harms the node out of service; it stays so until an operator reloads it.</summary>
    public async Task QuarantineAsync(PluginEntry entry, string cause)
    {
        await StopAsync(entry, proveUnload: true);
        var error = new NexusException(ErrorCodes.PluginQuarantined, cause);
        (entry.LastError, entry.Lingering) = (error, false);
        entry.Set(s => s with { FailedIn = PluginState.Active, Cause = cause, Remedy = $"Correct the fault that {entry.Id} logged and update it, or `nexus plugin reload {entry.Id}` to try it again." });
        Rest(entry, PluginState.Quarantined);
        await events.PublishAsync("error", entry.Status, error);
    }

    /// <summary>Puts a failure on record. A plugin whose old generation serves stays Active.</summary>
    public async Task<NexusException> FailAsync(PluginEntry entry, PluginManifest manifest, PluginState state, Exception exception)
    {
        var error = PluginFailure.From(manifest, state, exception);
        PluginLog.Failed(logger, entry.Id, manifest.Version, state, error.Message, exception.ToString());
        entry.LastError = error;
        entry.Set(s => s with
        {
            Manifest = s.Manifest ?? manifest,
            Version = entry.Active is null ? manifest.Version : s.Version,
            Isolation = GenerationLoader.IsolationOf(manifest),
            State = entry.Active is null ? PluginState.Failed : s.State,
            Since = entry.Active is null ? time.GetUtcNow() : s.Since,
            FailedIn = state,
            Cause = error.Message,
            Remedy = ErrorCodes.Get(error.Code).Remedy,
        });
        await events.PublishAsync("error", entry.Status with { Version = manifest.Version }, error);
        return error;
    }

    /// <summary>Undoes a generation that was never published; the failure is on record.</summary>
    public async Task<NexusException> DiscardAsync(PluginEntry entry, Generation generation, PluginState state, Exception exception)
    {
        var error = await FailAsync(entry, generation.Manifest, state, exception);
        loader.RestoreSettings(entry.Id, entry.Active?.Manifest);
        await retirement.CloseAsync(generation, published: false);
        _ = Retire(entry, generation, retirement.UnloadAsync(generation, urgent: false));
        return error;
    }

    private Task<WeakReference?> Retire(PluginEntry entry, Generation generation, Task<WeakReference?> unloaded) =>
        entry.Retiring($"{entry.Id} {generation.Manifest.Version} (generation {generation.Number})", unloaded, left => Warning(entry, left));

    private string Warning(PluginEntry entry, ImmutableArray<LeftBehind> left) =>
        $"{left[^1].Name} did not leave memory within {options.UnloadLimit}; `nexus plugin why-alive {entry.Id}` names what holds it. {left.Length} old generations are left behind; from {options.MaxAlive} on swaps are refused until they leave or the node restarts.";

    private void Rest(PluginEntry entry, PluginState state)
    {
        entry.Set(s => s with { State = state, Since = time.GetUtcNow(), Generation = 0 });
        PluginLog.State(logger, entry.Id, entry.Status.Version, 0, state);
    }

    /// <summary>The newcomer's states are always logged; they are the plugin's own while nothing older serves.</summary>
    private void SetState(PluginEntry entry, Generation generation, PluginState state)
    {
        var now = time.GetUtcNow();
        PluginLog.State(logger, entry.Id, generation.Manifest.Version, generation.Number, state);
        if (entry.Active is null || entry.Active == generation)
        {
            entry.Set(s => s with
            {
                State = state,
                Since = now,
                Version = generation.Manifest.Version,
                Manifest = generation.Manifest,
                Isolation = GenerationLoader.IsolationOf(generation.Manifest),
                ContentHash = generation.ContentHash,
                Generation = state is PluginState.Active or PluginState.Stopping ? generation.Number : 0,
            });
        }
    }
}
