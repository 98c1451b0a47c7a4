using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins.Generations;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Asks active plugins for their health and swaps back one that fails within its watch period.</summary>
internal sealed class HealthWatch(PluginTable table, Swap swap, PluginCommands commands, IPackages packages, PluginsOptions options, TimeProvider time, ILogger logger)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var watched = options.WatchPeriod / 10;
        var pause = watched > TimeSpan.Zero && watched < options.HealthInterval ? watched : options.HealthInterval;
        // Time that passed, not the time of day: a clock that is set back would stop the rounds until it has caught up.
        var lastRound = time.GetTimestamp();
        using var timer = new PeriodicTimer(pause, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            var now = time.GetUtcNow();
            var round = time.GetElapsedTime(lastRound) + (pause / 2) >= options.HealthInterval;
            lastRound = round ? time.GetTimestamp() : lastRound;
            await Task.WhenAll(table.All.Where(e => e.Active is not null && (round || e.WatchedUntil > now)).Select(e => CheckAsync(e, cancellationToken)));
            await Task.WhenAll(table.All.Where(e => e.Rollout is not null).Select(e => CheckRolloutAsync(e, cancellationToken)));
            foreach (var entry in round ? table.All.Where(e => e.Leaked > 0) : [])
            {
                await RecheckAsync(entry);
            }
        }
    }

    /// <summary>A plugin that a command is at work on is looked at in the next round.</summary>
    private async Task RecheckAsync(PluginEntry entry)
    {
        if (await entry.Gate.WaitAsync(0, CancellationToken.None))
        {
            try
            {
                await swap.RecheckAsync(entry, thorough: false);
            }
            finally
            {
                entry.Gate.Release();
            }
        }
    }

    private async Task CheckAsync(PluginEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Active is not { } generation || await AskAsync(generation, cancellationToken) is not { } health)
        {
            return;
        }

        entry.Set(s => s.Generation == generation.Number ? s with { Health = health } : s);
        if (health.Status == HealthLevel.Unhealthy && entry.WatchedUntil > time.GetUtcNow())
        {
            await SwapBackAsync(entry, generation.Number, health, cancellationToken);
        }
    }

    /// <summary>A version that is rolled out is watched for as long as that lasts.</summary>
    private async Task CheckRolloutAsync(PluginEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Rollout is not { } rollout || await AskAsync(rollout.Candidate, cancellationToken) is not { Status: HealthLevel.Unhealthy } health)
        {
            return;
        }

        await entry.Gate.WaitAsync(cancellationToken);
        try
        {
            if (entry.Rollout?.Candidate == rollout.Candidate)
            {
                await commands.AbortAsync(entry, health, cancellationToken);
            }
        }
        finally
        {
            entry.Gate.Release();
        }
    }

    /// <returns>Null when the generation is leaving.</returns>
    private async Task<PluginHealth?> AskAsync(Generation generation, CancellationToken cancellationToken)
    {
        if (!generation.TryEnter())
        {
            return null;
        }

        try
        {
            return await Task.Run(() => generation.CheckHealthAsync(cancellationToken), cancellationToken).WaitAsync(options.StopTimeout, time, cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            return new PluginHealth(HealthLevel.Unhealthy, $"Its health check failed: {e.GetType().Name}: {new string(e.Message)}");
        }
        finally
        {
            generation.Exit();
        }
    }

    private async Task SwapBackAsync(PluginEntry entry, long unhealthy, PluginHealth health, CancellationToken cancellationToken)
    {
        await entry.Gate.WaitAsync(cancellationToken);
        try
        {
            if (entry.Active?.Number != unhealthy || entry.Before is not { } before)
            {
                return;
            }

            var failed = entry.Active.Manifest;
            PluginLog.SwappingBack(logger, entry.Id, health.Detail ?? "no detail", before.Manifest.Version);
            await swap.ReplaceAsync(entry, before, null, cancellationToken);
            if (await packages.Records.ReadAsync(entry.Id, cancellationToken) is { } record)
            {
                await commands.RolledBackAsync(entry, record, before, cancellationToken);
            }

            entry.WatchedUntil = default;
            await swap.FailAsync(entry, failed, PluginState.Active, new NexusException(ErrorCodes.PluginUnhealthy, $"{entry.Id} {failed.Version} was not healthy within its watch period ({health.Detail ?? "no detail"}); {before.Manifest.Version} serves again."));
        }
        catch (NexusException)
        {
            // The way back failed too; the failure is on record and the unhealthy generation is all there is.
            entry.WatchedUntil = default;
        }
        finally
        {
            entry.Gate.Release();
        }
    }
}
