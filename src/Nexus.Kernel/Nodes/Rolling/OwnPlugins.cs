using Microsoft.Extensions.Options;
using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Nodes.Rolling;

/// <summary>Brings this node's plugins to what is wanted, by the commands that an operator would give.</summary>
internal sealed class OwnPlugins(IPlugins plugins, IPackages packages, SharedPackages shared, PluginsOptions settings, IOptions<NodeOptions> options, TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    /// <summary>Whether this node runs the plugin at all.</summary>
    public bool Runs(string id) => (!settings.OnlyCore && settings.Only.Count == 0) || settings.Only.Contains(id) || Find(id) is not null;

    /// <summary>What this node has now.</summary>
    public PluginWish State(string id) => Find(id) is { Manifest: not null } plugin
        ? new PluginWish { Hash = plugin.ContentHash, Version = plugin.Version, Enabled = plugin.Enabled }
        : PluginWish.Nowhere;

    /// <summary>Whether this node has what is wanted.</summary>
    public async Task<bool> HasAsync(string id, PluginWish wish, CancellationToken cancellationToken)
    {
        if (Find(id) is not { Manifest: not null } plugin)
            return wish.Removed;
        return !wish.Removed && plugin.Enabled == wish.Enabled && (plugin.ContentHash == wish.Hash
            ? plugin.State != PluginState.Failed
            : plugin.Pending is not null && await packages.Records.ReadAsync(id, cancellationToken) is { } record && record.ActiveHash == wish.Hash);
    }

    /// <summary>Comes to what is wanted.</summary>
    /// <returns>What waits for the node's next start, or null.</returns>
    public async Task<string?> ComeToAsync(string id, PluginWish wish, bool force, bool deleteData, CancellationToken cancellationToken)
    {
        if (wish.Removed)
        {
            if (Find(id) is not null)
                await plugins.ExecuteAsync(new PluginCommand.Remove(id, force, deleteData), null, cancellationToken);
            return null;
        }

        if (wish.Hash.Length > 0 && !await HasAsync(id, wish with { Enabled = State(id).Enabled }, cancellationToken))
        {
            var package = await shared.FetchAsync(wish, cancellationToken);
            await plugins.ExecuteAsync(new PluginCommand.Install(package.Directory, Update: true, Force: true, wish.Enabled), null, cancellationToken);
        }

        var now = Find(id) ?? throw new NexusException(ErrorCodes.PluginNotFound, $"This node knows no plugin {id}.");
        if (wish.Enabled && (!now.Enabled || now.State == PluginState.Failed))
            await plugins.ExecuteAsync(new PluginCommand.Enable(id), null, cancellationToken);
        else if (!wish.Enabled && now.Enabled)
            await plugins.ExecuteAsync(new PluginCommand.Disable(id, force), null, cancellationToken);
        return Find(id)?.Pending;
    }

    /// <summary>Waits until the plugin has kept what is wanted, and its health, for as long as a node must before the next one changes.</summary>
    /// <exception cref="NexusException">It did not.</exception>
    public async Task ProveAsync(string id, PluginWish wish, CancellationToken cancellationToken)
    {
        var begin = time.GetTimestamp();
        do
        {
            var plugin = Find(id);
            if (plugin is { Health: { Status: HealthLevel.Unhealthy } health })
                throw new NexusException(ErrorCodes.PluginUnhealthy, $"{id} {plugin.Version} is not healthy ({health.Detail ?? "no detail"})");
            if (!await HasAsync(id, wish, cancellationToken))
                throw new NexusException(ErrorCodes.PluginUnhealthy, plugin?.Cause ?? $"{id} {wish.Version} did not stay; {(plugin is null ? "the plugin is gone" : $"{plugin.Version} serves")}");
            await Task.Delay(Look, time, cancellationToken);
        }
        while (!wish.Removed && wish.Enabled && time.GetElapsedTime(begin) < TimeSpan.FromSeconds(options.Value.SettleSeconds));
    }

    /// <summary>Returns to what this node had.</summary>
    public async Task ReturnAsync(string id, PluginWish had, CancellationToken cancellationToken)
    {
        if (await HasAsync(id, had, cancellationToken))
            return;
        // A rollback, not an update: the version that failed is not what the next rollback should lead to.
        if (!had.Removed && had.Hash.Length > 0 && Find(id) is { } plugin && plugin.ContentHash != had.Hash && plugin.Previous is [var previous, ..] && previous == had.Hash)
            await plugins.ExecuteAsync(new PluginCommand.Rollback(id), null, cancellationToken);
        await ComeToAsync(id, had, force: true, deleteData: false, cancellationToken);
    }

    private PluginStatus? Find(string id) => plugins.List().FirstOrDefault(p => p.Id == id);
}
