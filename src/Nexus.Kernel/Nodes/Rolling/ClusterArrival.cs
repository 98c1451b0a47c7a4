using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Nodes.Rolling;

/// <summary>What a node does before it starts its plugins: the versions that all nodes agreed on while it was away, or before it was one, become its own, so that it never serves older ones.</summary>
internal sealed partial class ClusterArrival(ClusterPlugins cluster, SharedPackages shared, IPackages packages, INodes nodes, PluginsOptions settings, TimeProvider time, ILogger<ClusterArrival> log)
{
    /// <summary>Notes what is wanted in the node's own records.</summary>
    public async Task TakeOverAsync(CancellationToken cancellationToken)
    {
        foreach (var plugin in await cluster.ListAsync(cancellationToken))
        {
            if (plugin.WantedNumber <= plugin.Taken.GetValueOrDefault(nodes.Id) || plugin.Wanted is { Removed: true } or { Hash: "" } || ((settings.OnlyCore || settings.Only.Count > 0) && !settings.Only.Contains(plugin.Id)))
                continue;
            try
            {
                var package = await shared.FetchAsync(plugin.Wanted, cancellationToken);
                var record = await packages.Records.ReadAsync(plugin.Id, cancellationToken);
                record = record?.Activate(package, time.GetUtcNow()) ?? PluginRecord.First(package, time.GetUtcNow());
                await packages.Records.WriteAsync(record with { Enabled = plugin.Wanted.Enabled, SourcePath = package.Directory }, cancellationToken);
            }
            catch (NexusException e)
            {
                // The node comes up with what it has, and tries again while it runs.
                NotTaken(log, plugin.Id, plugin.Wanted.Version, e.Message);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Error, "{Plugin} {Version}, which all nodes shall run, was not taken over at the start: {Reason}")]
    private static partial void NotTaken(ILogger log, string plugin, string version, string reason);
}
