namespace Nexus;

/// <summary>A folder of the plugin's own on this node, for what must lie outside of its databases (keys, archives, reports). The plugin makes it when it needs it; it is not shared between nodes.</summary>
/// <param name="Path">Absolute path.</param>
public sealed record PluginFolder(string Path);
