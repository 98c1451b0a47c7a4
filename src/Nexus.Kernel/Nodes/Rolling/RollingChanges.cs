using System.Collections.Immutable;
using NuGet.Versioning;
using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Nodes.Rolling;

/// <summary>Begins changes of all nodes: judges the command as this node would, shares the package, and stores what is to be done. The nodes do the rest (<see cref="RollingTurns"/>).</summary>
internal sealed class RollingChanges(ClusterPlugins cluster, SharedPackages shared, IPlugins plugins, IPackages packages, INodes nodes, RollingTurns turns, TimeProvider time) : IRollingChanges
{
    public async ValueTask<ImmutableArray<RollingChange>> ListAsync(CancellationToken cancellationToken) => [.. (await cluster.ListAsync(cancellationToken)).Select(p => p.Change)];

    public async ValueTask<RollingChange?> FindAsync(string plugin, CancellationToken cancellationToken) => (await cluster.FindAsync(plugin, cancellationToken))?.Change;

    public async Task<RollingChange> BeginAsync(PluginCommand command, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        var arriving = command is PluginCommand.Install install ? await packages.ImportAsync(install.Path, cancellationToken) : null;
        var id = arriving?.Manifest.Name ?? command.Id;
        var known = await cluster.FindAsync(id, cancellationToken);
        CheckFree(known);
        var had = known?.Wanted ?? await OwnAsync(id, cancellationToken);
        var (kind, target) = command switch
        {
            PluginCommand.Install asked => (had.Removed ? "install" : "update", await JudgeAsync(asked, arriving!, had, cancellationToken)),
            PluginCommand.Rollback => ("rollback", (known is null ? await EarlierAsync(id, cancellationToken) : known.Before) is { } before
                ? before with { Enabled = had.Enabled }
                : throw new NexusException(ErrorCodes.Conflict, $"No earlier version of {id} is known to all nodes. Update to the wanted version with --force.")),
            PluginCommand.Enable => ("enable", Known(id, had) with { Enabled = true }),
            PluginCommand.Disable => ("disable", Known(id, had) with { Enabled = false }),
            PluginCommand.Remove => ("remove", Known(id, had) is not null ? PluginWish.Nowhere : had),
            _ => throw new NexusException(ErrorCodes.BadRequest, "Only install, update, rollback, enable, disable and remove are done on all nodes."),
        };
        ImmutableArray<NodeChange> order = [.. (await nodes.ListAsync(cancellationToken)).OrderBy(n => n.Id, StringComparer.Ordinal).Select(n => new NodeChange(n.Id, NodeChangeState.Waiting) { Address = n.Address })];
        if (order.All(n => n.Node != nodes.Id))
            throw new NexusException(ErrorCodes.ServiceUnavailable, "This node has not joined the others yet. Try again in a moment.");
        var begun = await cluster.ChangeAsync(id, current =>
        {
            CheckFree(current);
            return new ClusterPlugin
            {
                Id = id,
                Wanted = current?.Wanted ?? had,
                WantedNumber = current?.WantedNumber ?? 0,
                Before = current?.Before,
                Target = target,
                Force = command is PluginCommand.Install { Force: true } or PluginCommand.Remove { Force: true } or PluginCommand.Disable { Force: true },
                DeletesData = command is PluginCommand.Remove { DeleteData: true },
                // Of a node that is gone for good nothing need be known: should it return, it takes over what all have.
                Taken = current?.Taken.RemoveRange(current.Taken.Keys.Where(node => order.All(n => n.Node != node))) ?? ImmutableDictionary<string, long>.Empty,
                Change = new RollingChange { Number = (current?.Change.Number ?? 0) + 1, Plugin = id, Kind = kind, Version = target.Removed ? null : target.Version, State = RollingState.Running, StartedAt = time.GetUtcNow(), Nodes = order },
            };
        }, cancellationToken);
        turns.Wake();
        return begun!.Change;
    }

    private static void CheckFree(ClusterPlugin? plugin)
    {
        if (plugin is { IsUnderWay: true, Change: var change })
            throw new NexusException(ErrorCodes.Conflict, $"Change {change.Number} of {plugin.Id} ({change.Kind} {change.Version}) is still under way on the nodes. `nexus nodes changes` shows how far it is.");
    }

    private static PluginWish Known(string id, PluginWish had) => !had.Removed ? had
        : throw new NexusException(ErrorCodes.PluginNotFound, $"No plugin {id} is known to this node. `nexus plugin list` shows the known ones; `nexus plugin install --all-nodes` adds one.");

    private async Task<PluginWish> JudgeAsync(PluginCommand.Install asked, PluginPackage arriving, PluginWish had, CancellationToken cancellationToken)
    {
        var (id, version) = (arriving.Manifest.Name, arriving.Manifest.Version);
        if (!had.Removed && !asked.Update)
            throw new NexusException(ErrorCodes.PluginAlreadyInstalled, $"{id} {had.Version} is installed already. Use `nexus plugin update`, or remove it first.");
        var highest = await packages.Records.HighestAsync(id, cancellationToken);
        if (!asked.Force && new[] { had.Version, highest }.Any(v => NuGetVersion.TryParse(v, out var known) && NuGetVersion.Parse(version) < known))
            throw new NexusException(ErrorCodes.Conflict, $"{id} {version} is lower than what ran before ({(had.Version.Length > 0 ? had.Version : highest)}). Use `nexus plugin rollback`, or --force to accept a lower version.");
        return await shared.PublishAsync(arriving, asked.Activate && (had.Removed || had.Enabled), cancellationToken);
    }

    /// <summary>What this node has, shared so that others can return to it.</summary>
    private async Task<PluginWish> OwnAsync(string id, CancellationToken cancellationToken)
    {
        if (plugins.List().FirstOrDefault(p => p.Id == id) is not { Manifest: not null } plugin)
            return PluginWish.Nowhere;
        return await packages.FindAsync(plugin.ContentHash, "", cancellationToken) is { } package
            ? await shared.PublishAsync(package, plugin.Enabled, cancellationToken)
            : new PluginWish { Version = plugin.Version, Enabled = plugin.Enabled };
    }

    /// <summary>The version that this node would roll back to.</summary>
    private async Task<PluginWish?> EarlierAsync(string id, CancellationToken cancellationToken) =>
        await packages.Records.ReadAsync(id, cancellationToken) is { Previous: [var hash, ..] } record && await packages.FindAsync(hash, record.SourcePath, cancellationToken) is { } package
            ? await shared.PublishAsync(package, record.Enabled, cancellationToken) : null;
}
