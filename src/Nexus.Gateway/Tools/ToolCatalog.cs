using System.Collections.Frozen;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Nexus.Gateway.Tools;

/// <summary>The tools of the snapshot that is served, made when first asked for. A new snapshot lets go of them in the same moment: they hold descriptors, and with them the code of plugins.</summary>
internal sealed class ToolCatalog : IDisposable
{
    private readonly IPlugins plugins;
    private readonly IServiceProvider host;
    private readonly ServerSettings settings;
    private readonly IOptionsMonitor<ToolOptions> options;
    private readonly IDisposable following;
    private volatile Known? known;

    public ToolCatalog(IPlugins plugins, IServiceProvider host, ServerSettings settings, IOptionsMonitor<ToolOptions> options)
    {
        (this.plugins, this.host, this.settings, this.options) = (plugins, host, settings, options);
        following = ChangeToken.OnChange(plugins.GetChangeToken, Forget);
    }

    /// <summary>All tools by name.</summary>
    public FrozenDictionary<string, Tool> Current
    {
        get
        {
            var snapshot = plugins.Current;
            if (known is { } have && have.Version == snapshot.Version)
                return have.Tools;
            var tools = Build(snapshot);
            known = new Known(snapshot.Version, tools);
            if (plugins.Current.Version != snapshot.Version)
                known = null;
            return tools;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => following.Dispose();

    private FrozenDictionary<string, Tool> Build(PlatformSnapshot snapshot)
    {
        var operations = host.GetRequiredService<IResourceOperations>();
        var tools = new Dictionary<string, Tool>(StringComparer.Ordinal);
        foreach (var plugin in snapshot.Plugins)
        {
            foreach (var tool in plugin.Resources.SelectMany(resource => new ResourceTools(plugin, resource, operations, settings.Current.HiddenFields, options.CurrentValue.ResultBytes) { Attachments = host.GetRequiredService<IAttachmentOperations> }.Tools()))
                tools.TryAdd(tool.Name, tool);
            foreach (var declared in plugin.Tools)
            {
                var tool = PluginTools.Of(plugin, declared, operations, options.CurrentValue.ResultBytes);
                tools.TryAdd(tool.Name, tool);
            }
        }

        return tools.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private void Forget()
    {
        if (known is { } have && have.Version != plugins.Current.Version)
            known = null;
    }

    private sealed record Known(long Version, FrozenDictionary<string, Tool> Tools);
}
