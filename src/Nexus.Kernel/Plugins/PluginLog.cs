using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins;

/// <summary>What the plugin kernel writes to the log. Exceptions of plugins are written as text: a log provider that kept the object would keep the plugin's code.</summary>
internal static partial class PluginLog
{
    /// <summary>Where a plugin comes to rest is for every operator to see; the way there is for who looks for it.</summary>
    public static void State(ILogger logger, string plugin, string version, long generation, PluginState state) =>
        State(logger, state is PluginState.Active or PluginState.Failed or PluginState.Stopped or PluginState.Quarantined ? LogLevel.Information : LogLevel.Debug, plugin, version, generation, state);

    [LoggerMessage(EventId = 1, Message = "Plugin {Plugin} {Version} generation {Generation}: {State}")]
    private static partial void State(ILogger logger, LogLevel level, string plugin, string version, long generation, PluginState state);

    [LoggerMessage(2, LogLevel.Error, "Plugin {Plugin} {Version} failed in {State}: {Cause} {Record}")]
    public static partial void Failed(ILogger logger, string plugin, string version, PluginState state, string cause, string record);

    [LoggerMessage(3, LogLevel.Warning, "Plugin {Plugin} asked to stop the application; a plugin cannot stop the node")]
    public static partial void StopRefused(ILogger logger, string plugin);

    [LoggerMessage(4, LogLevel.Warning, "Plugin {Plugin} generation {Generation}: {Step} went wrong and is passed over: {Record}")]
    public static partial void RetireStep(ILogger logger, string plugin, long generation, string step, string record);

    [LoggerMessage(5, LogLevel.Warning, "Plugin {Plugin} generation {Generation} has {Held} leases left at the drain limit; aborting them")]
    public static partial void Aborting(ILogger logger, string plugin, long generation, long held);

    [LoggerMessage(6, LogLevel.Error, "Plugin {Plugin} generation {Generation} did not leave memory within {Limit}; `nexus plugin why-alive` names what holds it")]
    public static partial void StillAlive(ILogger logger, string plugin, long generation, TimeSpan limit);

    [LoggerMessage(16, LogLevel.Information, "plugins.discovered {Found}; {Starting} of them are enabled and whole")]
    public static partial void Discovered(ILogger logger, int found, int starting);

    [LoggerMessage(7, LogLevel.Debug, "Published snapshot {Version} with {Count} active plugins")]
    public static partial void Published(ILogger logger, long version, int count);

    [LoggerMessage(8, LogLevel.Warning, "A listener to the plugin snapshot failed: {Record}")]
    public static partial void ListenerFailed(ILogger logger, string record);

    [LoggerMessage(9, LogLevel.Warning, "Plugin {Plugin} is not healthy within its watch period ({Detail}); swapping back to {Previous}")]
    public static partial void SwappingBack(ILogger logger, string plugin, string detail, string previous);

    [LoggerMessage(10, LogLevel.Warning, "Cache sweep step {Step} failed: {Record}")]
    public static partial void SweepFailed(ILogger logger, string step, string record);

    [LoggerMessage(11, LogLevel.Warning, "Looking into the plugin folders failed: {Record}")]
    public static partial void ScanFailed(ILogger logger, string record);

    [LoggerMessage(12, LogLevel.Warning, "The event {Event} of plugin {Plugin} could not be published: {Record}")]
    public static partial void EventLost(ILogger logger, string @event, string plugin, string record);

    [LoggerMessage(13, LogLevel.Information, "Plugin {Plugin} {Version} is kept for the next start of the node: {Running} is stable and stays until then")]
    public static partial void Staged(ILogger logger, string plugin, string version, string running);

    [LoggerMessage(14, LogLevel.Information, "Old generations of plugin {Plugin} have left memory after all; {Left} are left behind")]
    public static partial void LeftLate(ILogger logger, string plugin, int left);

    [LoggerMessage(15, LogLevel.Warning, "Plugin {Plugin} was refused {Capability} {Target}")]
    public static partial void Denied(ILogger logger, string plugin, string capability, string target);
}
