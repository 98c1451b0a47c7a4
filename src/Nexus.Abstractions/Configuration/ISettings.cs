using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Nexus;

/// <summary>The node's configuration for its operators: every value with its source, and the stored settings, which win over files and lose to the environment and the command line. Secrets never come out. Thread-safe.</summary>
public interface ISettings
{
    /// <summary>Every effective value, sorted by key; secrets are masked.</summary>
    ImmutableArray<SettingValue> Show();

    /// <summary>Joins settings into the stored ones and applies them: a null removes a stored value, a masked secret is left as it is.</summary>
    /// <param name="patch">A tree of keys, such as <c>{"server":{"port":9000}}</c>.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c> with every error; nothing changed.</exception>
    Task<SettingsChange> StoreAsync(JsonObject patch, CancellationToken cancellationToken);

    /// <summary>The same for the section of one plugin; its running code sees the new values without a restart.</summary>
    /// <param name="plugin">The plugin, whose manifest says what is allowed.</param>
    /// <param name="patch">A tree of keys below the plugin's section.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException"><c>PLUGIN_CONFIGURATION_ERROR</c> with every error; nothing changed.</exception>
    Task<SettingsChange> StoreAsync(PluginManifest plugin, JsonObject patch, CancellationToken cancellationToken);

    /// <summary>Reads files and variables again, as when a file is saved.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c> with every error; nothing changed.</exception>
    SettingsChange Reload();
}

/// <summary>One effective value of the configuration.</summary>
/// <param name="Key">Key with colons.</param>
/// <param name="Value">Its value; masked when secret.</param>
/// <param name="Source"><c>default</c>, <c>file:line:column</c>, <c>stored</c>, <c>variable NAME</c> or <c>option --key</c>.</param>
/// <param name="Secret">Its value is masked.</param>
/// <param name="Restart">A change takes effect at the next start.</param>
public sealed record SettingValue(string Key, string? Value, string Source, bool Secret, bool Restart);

/// <summary>What a change of stored settings did.</summary>
/// <param name="UpdatedKeys">Keys whose effective value changed, sorted; one that a variable or option overrides is not among them.</param>
/// <param name="RestartRequired">At least one takes effect at the next start only.</param>
public sealed record SettingsChange(ImmutableArray<string> UpdatedKeys, bool RestartRequired);
