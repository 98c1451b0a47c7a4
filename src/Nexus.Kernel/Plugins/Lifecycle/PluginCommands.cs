using Microsoft.Extensions.Logging;
using NuGet.Versioning;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Carries out the commands of an operator, one at a time for each plugin.</summary>
internal sealed class PluginCommands(PluginTable table, Swap swap, Rollouts rollouts, IPackages packages, LifecycleEvents events, TimeProvider time, ILogger logger)
{
    public async Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        var package = command is PluginCommand.Install add ? (await packages.ImportAsync(add.Path, cancellationToken)) with { IsArriving = true } : null;
        var entry = package is not null ? table.GetOrAdd(package.Manifest.Name) : table.Get(command.Id);
        await entry.Gate.WaitAsync(cancellationToken);
        try
        {
            if (entry.Rollout is { } under && command is PluginCommand.Install or PluginCommand.Reload or PluginCommand.Rollback)
            {
                throw new NexusException(ErrorCodes.Conflict, $"{under.Package.Manifest.Version} of {entry.Id} is being rolled out. Promote it with `nexus plugin rollout {entry.Id} --promote` or end it with --abort first.");
            }

            switch (command)
            {
                case PluginCommand.Rollout rollout: await RolloutAsync(entry, rollout, progress, cancellationToken); break;
                case PluginCommand.Install install: await InstallAsync(entry, package!, install, progress, cancellationToken); break;
                case PluginCommand.Rollback: await RollbackAsync(entry, progress, cancellationToken); break;
                case PluginCommand.Reload: await ReloadAsync(entry, progress, cancellationToken); break;
                case PluginCommand.Enable: await EnableAsync(entry, progress, cancellationToken); break;
                case PluginCommand.Disable disable: await DisableAsync(entry, disable.Force, cancellationToken); break;
                case PluginCommand.Quarantine quarantine: await swap.QuarantineAsync(entry, quarantine.Cause); break;
                case PluginCommand.Remove remove: await RemoveAsync(entry, remove, cancellationToken); break;
                default: throw new NexusException(ErrorCodes.BadRequest, $"The kernel has no command {command.GetType().Name}.");
            }

            await RememberRolloutAsync(entry, cancellationToken);
            return entry.Status;
        }
        finally
        {
            entry.Gate.Release();
        }
    }

    /// <summary>Swaps to a package and, when it serves, remembers it. The caller holds the gate.</summary>
    public async Task ApplyAsync(PluginEntry entry, PluginPackage package, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        await swap.CheckLeakedAsync(entry);
        var announced = await AnnounceAsync(entry, package, cancellationToken);
        try
        {
            await swap.ReplaceAsync(entry, package, progress, cancellationToken);
        }
        catch when (announced)
        {
            await packages.Records.Arrivals.ArriveAsync(entry.Id, null, CancellationToken.None);
            throw;
        }

        await RememberAsync(entry, package, cancellationToken);
    }

    /// <summary>
    /// The package whose migrations the database has already although the node does not remember it: the process ended between the commit
    /// of its schema and its record. Null when there is none.
    /// </summary>
    public async Task<PluginPackage?> FindArrivedAsync(string id, CancellationToken cancellationToken) =>
        await packages.Records.Arrivals.FindArrivingAsync(id, cancellationToken) is { } arriving ? await packages.FindAsync(arriving.Hash, arriving.SourcePath, cancellationToken) : null;

    /// <summary>Goes on with the rollout that was under way when the node stopped. One that does not come up any more is over: what serves, serves all callers.</summary>
    public async Task ResumeRolloutAsync(PluginEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Active is null || await packages.Records.ReadAsync(entry.Id, cancellationToken) is not { Rollout: { } rollout } record)
        {
            return;
        }

        try
        {
            if (rollout.Hash != record.ActiveHash && await packages.FindAsync(rollout.Hash, rollout.SourcePath, cancellationToken) is { } package)
            {
                await rollouts.BeginAsync(entry, package, record.RolloutPercent, null, cancellationToken);
            }
        }
        catch (NexusException)
        {
            // On record in the plugin's status.
        }

        await RememberRolloutAsync(entry, cancellationToken);
    }

    private async Task RememberRolloutAsync(PluginEntry entry, CancellationToken cancellationToken)
    {
        var (kept, percent) = entry.Rollout is { } under ? (KeptPackage.Of(under.Package), under.Percent) : (null, 0);
        if (await packages.Records.ReadAsync(entry.Id, cancellationToken) is { } record && (record.Rollout, record.RolloutPercent) != (kept, percent))
        {
            await packages.Records.WriteAsync(record with { Rollout = kept, RolloutPercent = percent }, cancellationToken);
        }
    }

    /// <summary>Remembers what may be running by the time the process ends, where its migrations would leave what ran before unable to start.</summary>
    private async Task<bool> AnnounceAsync(PluginEntry entry, PluginPackage package, CancellationToken cancellationToken)
    {
        if (Directory.Exists(Path.Combine(package.Directory, "migrations"))
            && await packages.Records.ReadAsync(entry.Id, cancellationToken) is { } record && record.ActiveHash != package.ContentHash)
        {
            await packages.Records.Arrivals.ArriveAsync(entry.Id, KeptPackage.Of(package), cancellationToken);
            return true;
        }

        return false;
    }

    /// <summary>Swaps to a package or, where running code cannot be replaced, keeps it for the next start of the node. The caller holds the gate.</summary>
    public async Task ApplyOrStageAsync(PluginEntry entry, PluginPackage package, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        if (Swap.CanReplace(entry, package))
        {
            await ApplyAsync(entry, package, progress, cancellationToken);
            return;
        }

        await RememberAsync(entry, package, cancellationToken);
        Staged(entry, package);
    }

    public async Task RememberAsync(PluginEntry entry, PluginPackage package, CancellationToken cancellationToken)
    {
        var record = await packages.Records.ReadAsync(entry.Id, cancellationToken);
        var next = record?.Activate(package, time.GetUtcNow()) ?? PluginRecord.First(package, time.GetUtcNow());
        next = next with { SchemaVersion = entry.Active?.ContentHash == package.ContentHash ? entry.Active.SchemaVersion : next.SchemaVersion };
        if (next != record)
        {
            await packages.Records.WriteAsync(next, cancellationToken);
        }

        entry.Set(s => s with { Enabled = next.Enabled, Previous = next.Previous, Origin = package.Origin });
    }

    private async Task InstallAsync(PluginEntry entry, PluginPackage package, PluginCommand.Install install, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        var existing = entry.Package;
        if (existing is not null && !install.Update)
        {
            throw new NexusException(ErrorCodes.PluginAlreadyInstalled, $"{entry.Id} {existing.Manifest.Version} is installed already. Use `nexus plugin update`, or remove it first.");
        }

        if (existing is not null && !install.Force && NuGetVersion.Parse(package.Manifest.Version) < NuGetVersion.Parse(existing.Manifest.Version))
        {
            throw new NexusException(ErrorCodes.Conflict, $"{entry.Id} {existing.Manifest.Version} is newer than {package.Manifest.Version}. Use `nexus plugin rollback`, or --force to accept a lower version.");
        }

        try
        {
            if (!install.Force && await packages.Records.HighestAsync(entry.Id, cancellationToken) is { } highest && NuGetVersion.Parse(package.Manifest.Version) < NuGetVersion.Parse(highest))
            {
                throw new NexusException(ErrorCodes.Conflict, $"{entry.Id} {highest} ran here before and {package.Manifest.Version} is lower: an older version may bring back what was corrected since. Use --force to accept it.");
            }

            CheckDependencies(entry, package);
            var enabled = (await packages.Records.ReadAsync(entry.Id, cancellationToken))?.Enabled ?? true;
            if (install.Activate && enabled)
            {
                await ApplyOrStageAsync(entry, package, progress, cancellationToken);
            }
            else
            {
                entry.Package = package;
                await RememberAsync(entry, package, cancellationToken);
                entry.Set(s => s with { Version = package.Manifest.Version, Manifest = package.Manifest, ContentHash = package.ContentHash, Isolation = GenerationLoader.IsolationOf(package.Manifest) });
            }
        }
        catch (NexusException) when (existing is null)
        {
            // Nothing half-done remains of a plugin that was not there before.
            table.Remove(entry.Id);
            throw;
        }

        await events.PublishAsync(existing is null ? "installed" : "updated", entry.Status);
    }

    private async Task RolloutAsync(PluginEntry entry, PluginCommand.Rollout rollout, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        if (double.IsNaN(rollout.Percent) || rollout.Percent is < 0 or > 100)
        {
            throw new NexusException(ErrorCodes.ValidationError, "percent must be from 0 to 100.") { Errors = [new FieldError("/percent", "range", "percent must be from 0 (abort) to 100 (promote).")] };
        }

        if (rollout is { Path: { } path, Percent: > 0 and < 100 })
        {
            var package = (await packages.ImportAsync(path, cancellationToken)) with { IsArriving = true };
            if (package.Manifest.Name != entry.Id)
            {
                throw new NexusException(ErrorCodes.BadRequest, $"{path} is {package.Manifest.Name}, not {entry.Id}.");
            }

            CheckDependencies(entry, package);
            await rollouts.BeginAsync(entry, package, rollout.Percent, progress, cancellationToken);
        }
        else if (rollout.Path is not null)
        {
            throw new NexusException(ErrorCodes.ValidationError, "A rollout begins with a part of the callers.") { Errors = [new FieldError("/percent", "range", "percent must be above 0 and below 100 where a rollout begins; update the plugin to replace it at once.")] };
        }
        else if (rollout.Percent is 100)
        {
            await RememberAsync(entry, await rollouts.PromoteAsync(entry, cancellationToken), cancellationToken);
            await events.PublishAsync("updated", entry.Status);
        }
        else if (rollout.Percent is 0)
        {
            await rollouts.AbortAsync(entry, cancellationToken);
        }
        else
        {
            await rollouts.ChangeAsync(entry, rollout.Percent, cancellationToken);
        }
    }

    /// <summary>Ends the rollout of a version that is not healthy. The caller holds the gate.</summary>
    public async Task AbortAsync(PluginEntry entry, PluginHealth health, CancellationToken cancellationToken)
    {
        var failed = entry.Rollout!.Package.Manifest;
        await rollouts.AbortAsync(entry, cancellationToken);
        await RememberRolloutAsync(entry, cancellationToken);
        await swap.FailAsync(entry, failed, PluginState.Active, new NexusException(ErrorCodes.PluginUnhealthy, $"{entry.Id} {failed.Version} was not healthy while it was rolled out ({health.Detail ?? "no detail"}); {entry.Status.Version} serves all callers again."));
    }

    private async Task RollbackAsync(PluginEntry entry, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        var record = await packages.Records.ReadAsync(entry.Id, cancellationToken);
        var package = record is { Previous: [var hash, ..] } ? await packages.FindAsync(hash, record.SourcePath, cancellationToken) : null;
        if (record is null || package is null)
        {
            throw new NexusException(ErrorCodes.Conflict, $"No earlier version of {entry.Id} is kept. Install the wanted version with `nexus plugin update --force`.");
        }

        CheckDependencies(entry, package);
        if (Swap.CanReplace(entry, package))
        {
            await swap.CheckLeakedAsync(entry);
            await swap.ReplaceAsync(entry, package, progress, cancellationToken);
        }
        else
        {
            Staged(entry, package);
        }

        await RolledBackAsync(entry, record, package, cancellationToken);
        await events.PublishAsync("updated", entry.Status);
    }

    /// <summary>Remembers a return to an earlier package.</summary>
    public async Task RolledBackAsync(PluginEntry entry, PluginRecord record, PluginPackage package, CancellationToken cancellationToken)
    {
        var next = record.RollBack(package);
        await packages.Records.WriteAsync(next, cancellationToken);
        entry.Set(s => s with { Previous = next.Previous });

        // The way back is not itself watched: there would be nothing to go back to.
        entry.WatchedUntil = default;
    }

    private async Task ReloadAsync(PluginEntry entry, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        var package = entry.Package;
        if (entry.BuiltIn is null)
        {
            var scan = await packages.ScanAsync(cancellationToken);
            package = scan.Packages.FirstOrDefault(p => p.Manifest.Name == entry.Id) ?? package;
            if (scan.Faults.FirstOrDefault(f => f.Id == entry.Id) is { } fault && package is null)
            {
                throw new NexusException(fault.Error.Code, fault.Error.Message) { Errors = fault.Error.Errors };
            }
        }

        CheckDependencies(entry, package!);
        await ApplyAsync(entry, package!, progress, cancellationToken);
    }

    private async Task EnableAsync(PluginEntry entry, IProgress<PluginProgress>? progress, CancellationToken cancellationToken)
    {
        if (entry.Package is not { } package)
        {
            throw new NexusException(ErrorCodes.PluginManifestInvalid, $"{entry.Id} has no valid package: {entry.Status.Cause}");
        }

        // What an update kept for the next start may start now: nothing of the plugin runs.
        if (entry is { Active: null, Status.Pending: not null } && await packages.Records.ReadAsync(entry.Id, cancellationToken) is { } record)
        {
            package = await packages.FindAsync(record.ActiveHash, record.SourcePath, cancellationToken) ?? package;
        }

        if (entry.Active is null)
        {
            CheckDependencies(entry, package);
            await ApplyAsync(entry, package, progress, cancellationToken);
        }

        await FlagAsync(entry, package, enabled: true, cancellationToken);
        await events.PublishAsync("enabled", entry.Status);
    }

    private async Task DisableAsync(PluginEntry entry, bool force, CancellationToken cancellationToken)
    {
        CheckDependents(entry, force, "disabled");
        if (entry.Package is { } package)
        {
            await FlagAsync(entry, package, enabled: false, cancellationToken);
        }

        await swap.StopAsync(entry, proveUnload: true);
        await events.PublishAsync("disabled", entry.Status);
    }

    private async Task RemoveAsync(PluginEntry entry, PluginCommand.Remove remove, CancellationToken cancellationToken)
    {
        CheckDependents(entry, remove.Force, "removed");
        if (entry.BuiltIn is not null || (entry.Status.Origin == "core" && !remove.Force))
        {
            throw new NexusException(ErrorCodes.Conflict, $"{entry.Id} is a core plugin{(entry.BuiltIn is null ? "; --force removes it" : ", compiled into the host program; disable it instead")}.");
        }

        await swap.StopAsync(entry, proveUnload: true);
        if ((entry.Package?.Manifest ?? entry.Status.Manifest) is { } manifest && await packages.Records.RemoveAsync(manifest, remove.DeleteData, cancellationToken) is { IsEmpty: false } lying)
        {
            entry.Set(s => s with { Warning = $"Its files still lie in {string.Join(", ", lying)}. {entry.Id} stays removed until they change or it is installed again; delete them if it is not wanted any more." });
        }

        await events.ForgetAsync(entry.Id, cancellationToken);
        table.Remove(entry.Id);
        await events.PublishAsync("removed", entry.Status);
    }

    private void Staged(PluginEntry entry, PluginPackage package)
    {
        var active = entry.Active!;
        var pending = package.ContentHash == active.ContentHash ? null : $"{package.Manifest.Version} is kept; restart to activate it.";
        entry.Set(s => s with { Pending = pending });
        if (pending is not null)
        {
            PluginLog.Staged(logger, entry.Id, package.Manifest.Version, active.Manifest.Version);
        }
    }

    private async Task FlagAsync(PluginEntry entry, PluginPackage package, bool enabled, CancellationToken cancellationToken)
    {
        var record = await packages.Records.ReadAsync(entry.Id, cancellationToken) ?? PluginRecord.First(package, time.GetUtcNow());
        await packages.Records.WriteAsync(record with { Enabled = enabled }, cancellationToken);
        entry.Set(s => s with { Enabled = enabled });
    }

    /// <summary>The needs of the newcomer are met by what is active, and those of its dependents by the newcomer.</summary>
    private void CheckDependencies(PluginEntry entry, PluginPackage package)
    {
        var others = table.All.Where(e => e.Id != entry.Id && e.Package is not null && (e.Active is not null || e.Dormant)).Select(e => e.Package!);
        if (packages.Resolve([.. others, package]).Failures is [var failure, ..])
        {
            throw new NexusException(failure.Error.Code, failure.Error.Message) { Errors = failure.Error.Errors };
        }
    }

    private void CheckDependents(PluginEntry entry, bool force, string done)
    {
        if (!force && table.DependentsOf(entry.Id) is { IsEmpty: false } dependents)
        {
            throw new NexusException(ErrorCodes.PluginDependencyError, $"{entry.Id} cannot be {done}: it is needed by {string.Join(", ", dependents)}. Disable what needs it first, or use --force.");
        }
    }
}
