using System.Text.Json;

namespace Nexus;

/// <summary>A page of a plugin in the console.</summary>
public sealed record PageDescriptor
{
    /// <summary>kebab-case name, unique among the plugin's pages; the page is at <c>/console/p/{plugin}/{name}</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Its heading and its entry in the menu.</summary>
    public required LocalText Title { get; init; }

    /// <summary>One sentence beneath the heading, or null.</summary>
    public LocalText? About { get; init; }

    /// <summary>Name of its icon (chart, wallet, list, …); a plain one when null or unknown.</summary>
    public string? Icon { get; init; }

    /// <summary>Place among the plugin's pages, lower first.</summary>
    public int Position { get; init; }

    /// <summary>Permission without which it is not there; null when those of its sources say enough.</summary>
    public string? Permission { get; init; }

    /// <summary>What is on it: the JSON form of a <see cref="Component"/>.</summary>
    public required JsonElement Content { get; init; }
}

/// <summary>A part that a plugin shows on the console's first page.</summary>
public sealed record WidgetDescriptor
{
    /// <summary>kebab-case name, unique among the plugin's widgets.</summary>
    public required string Name { get; init; }

    /// <summary>Its heading.</summary>
    public required LocalText Title { get; init; }

    /// <summary>Columns that it takes of four, 1 to 4.</summary>
    public int Width { get; init; } = 2;

    /// <summary>Place among all widgets, lower first.</summary>
    public int Position { get; init; }

    /// <summary>Permission without which it is not there; null when those of its sources say enough.</summary>
    public string? Permission { get; init; }

    /// <summary>What is in it: the JSON form of a <see cref="Component"/>.</summary>
    public required JsonElement Content { get; init; }
}

/// <summary>A page.</summary>
/// <param name="Descriptor">Title and content.</param>
public sealed record PageContribution(PageDescriptor Descriptor) : Contribution;

/// <summary>A widget.</summary>
/// <param name="Descriptor">Title and content.</param>
public sealed record WidgetContribution(WidgetDescriptor Descriptor) : Contribution;

/// <summary>Declares what a plugin shows in the console beyond the pages of its resources.</summary>
public static class PagePluginExtensions
{
    /// <summary>Declares a page. Who may not read what its parts are bound to does not see those parts, nor a page of which nothing is left.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="name">kebab-case name.</param>
    /// <param name="title">Heading and entry in the menu.</param>
    /// <param name="content">What is on it.</param>
    /// <param name="adjust">Icon, place, permission: <c>page => page with { Icon = "wallet" }</c>.</param>
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c> with everything that is wrong with the content.</exception>
    public static IPluginBuilder AddPage(this IPluginBuilder plugin, string name, LocalText title, Component content, Func<PageDescriptor, PageDescriptor>? adjust = null)
    {
        ArgumentNullException.ThrowIfNull(title);
        var declared = new PageDescriptor { Name = name, Title = title, Content = Content(plugin, $"page `{name}`", name, content) };
        return plugin.Contribute(new PageContribution(adjust?.Invoke(declared) ?? declared));
    }

    /// <summary>Declares a part of the console's first page.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="name">kebab-case name.</param>
    /// <param name="title">Its heading.</param>
    /// <param name="content">What is in it.</param>
    /// <param name="adjust">Width, place, permission: <c>widget => widget with { Width = 1 }</c>.</param>
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c> with everything that is wrong with the content.</exception>
    public static IPluginBuilder AddWidget(this IPluginBuilder plugin, string name, LocalText title, Component content, Func<WidgetDescriptor, WidgetDescriptor>? adjust = null)
    {
        ArgumentNullException.ThrowIfNull(title);
        var declared = new WidgetDescriptor { Name = name, Title = title, Content = Content(plugin, $"widget `{name}`", name, content) };
        return plugin.Contribute(new WidgetContribution(adjust?.Invoke(declared) ?? declared));
    }

    /// <summary>The content as bytes that hold nothing of the plugin.</summary>
    private static JsonElement Content(IPluginBuilder plugin, string what, string name, Component content)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(content);
        if (!DescriptorReader.IsKebabCase(name))
            throw new NexusException(ErrorCodes.PluginLoadFailed, $"Plugin {plugin.Id}: the name of the {what} is not kebab-case (a-z, 0-9 and -, starting with a letter).");
        using var document = JsonDocument.Parse(content.ToJson().ToJsonString(), new JsonDocumentOptions { MaxDepth = 64 });
        var errors = ComponentCatalogue.Check(document.RootElement);
        return errors.IsEmpty ? document.RootElement.Clone() : throw new NexusException(ErrorCodes.PluginLoadFailed, $"Plugin {plugin.Id}, {what}: {string.Join(" ", errors.Select(e => $"{e.Pointer}: {e.Message}"))}") { Errors = errors };
    }
}
