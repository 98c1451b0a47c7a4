using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins.Generations;
using Nexus.Kernel.Plugins.Unloading;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Takes a generation out of service and out of memory. No step stops the ones after it.</summary>
internal sealed class Retirement
{
    private readonly PluginsOptions options;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly CacheSweep sweep;
    private readonly UnloadCheck check;

    public Retirement(PluginsOptions options, TimeProvider time, ILogger logger)
    {
        this.options = options;
        this.time = time;
        this.logger = logger;
        sweep = new CacheSweep(logger);
        check = new UnloadCheck(time, CollectionSteps.Of(sweep));
    }

    /// <summary>Drains, stops and disposes it; after this nothing of it runs and an uncommitted schema change is undone.</summary>
    public async Task CloseAsync(Generation generation, bool published)
    {
        if (published)
        {
            // 1. Grace: requests that were matched before the publication may still enter.
            await Task.Delay(options.Grace, time);

            // 2. New leases are refused; streams and sockets are told to close.
            await StepAsync(generation, "signalling the stop", options.StopTimeout, _ => generation.BeginDrainAsync());

            // 3. What runs may run on until the drain limit, then it is aborted.
            if (!await DrainedAsync(generation, options.DrainLimit))
            {
                PluginLog.Aborting(logger, generation.Manifest.Name, generation.Number, generation.InFlight);
                await StepAsync(generation, "aborting", options.StopTimeout, _ => generation.AbortAsync());
                await DrainedAsync(generation, options.StopTimeout);
            }
        }
        else
        {
            await StepAsync(generation, "signalling the stop", options.StopTimeout, _ => generation.BeginDrainAsync());
            await StepAsync(generation, "aborting", options.StopTimeout, _ => generation.AbortAsync());
        }

        // 4. Stop, then dispose.
        await StepAsync(generation, "stop", options.StopTimeout, generation.StopAsync);
        await StepAsync(generation, "disposal", options.StopTimeout, _ => generation.DisposeAsync().AsTask());
    }

    /// <param name="generation">What was closed.</param>
    /// <param name="urgent">Somebody waits for the proof; otherwise it takes its time for the sake of running requests.</param>
    /// <returns>Null when its code provably left memory, or is not collectible; else the watch on what stayed.</returns>
    public async Task<WeakReference?> UnloadAsync(Generation generation, bool urgent)
    {
        // 5. Forget everything below the shell; the framework's caches, which are asked by assembly, before the next collection.
        sweep.Add(generation.Assemblies());
        if (generation.Release() is not { } watch)
        {
            return null;
        }

        // 6. Proof.
        if (await check.WaitAsync(watch, options.UnloadLimit, urgent, CancellationToken.None))
        {
            return null;
        }

        PluginLog.StillAlive(logger, generation.Manifest.Name, generation.Number, options.UnloadLimit);
        return watch;
    }

    /// <summary>Gives generations that were given up another chance to leave: what held them may have ended meanwhile.</summary>
    /// <param name="thorough">Collects and waits for the collection; otherwise only begins one, whose outcome the next look sees.</param>
    public Task NudgeAsync(bool thorough) => check.NudgeAsync(thorough);

    public async Task<WeakReference?> CloseAndUnloadAsync(Generation generation)
    {
        await CloseAsync(generation, published: true);
        return await UnloadAsync(generation, urgent: false);
    }

    private async Task<bool> DrainedAsync(Generation generation, TimeSpan limit)
    {
        try
        {
            await generation.Drained.WaitAsync(limit, time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task StepAsync(Generation generation, string name, TimeSpan limit, Func<CancellationToken, Task> step)
    {
        using var late = new CancellationTokenSource(limit, time);
        try
        {
            // On a pool thread: a step of the plugin may block before its first await.
            await Task.Run(() => step(late.Token), CancellationToken.None).WaitAsync(limit + TimeSpan.FromMilliseconds(250), time);
        }
        catch (Exception e)
        {
            PluginLog.RetireStep(logger, generation.Manifest.Name, generation.Number, name, e.ToString());
        }
    }
}
