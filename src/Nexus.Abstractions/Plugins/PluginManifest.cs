using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Nexus;

/// <summary>Inert facts about a plugin, read from <c>manifest.json</c> before any of its code is touched.</summary>
public sealed record PluginManifest
{
    /// <summary>Dotted lower-case id, such as <c>finance.ledger</c>.</summary>
    public required string Name { get; init; }

    /// <summary>SemVer 2.0 version.</summary>
    public required string Version { get; init; }

    /// <summary>Plugin category; the first segment of its routes.</summary>
    public required PluginCategory Category { get; init; }

    /// <summary>One sentence for people.</summary>
    public required string Description { get; init; }

    /// <summary>File name of the entry assembly, beside the manifest; empty for a plugin compiled into the host program.</summary>
    public required string Entry { get; init; }

    /// <summary>Name for people; the id when absent.</summary>
    public string? DisplayName { get; init; }

    /// <summary>Who wrote it.</summary>
    public string? Author { get; init; }

    /// <summary>SPDX expression.</summary>
    public string? License { get; init; }

    /// <summary>Range of host versions it runs on, NuGet interval notation; null means any.</summary>
    public string? Requires { get; init; }

    /// <summary>Range of .NET versions it runs on, NuGet interval notation; null means any.</summary>
    public string? Runtime { get; init; }

    /// <summary>What it needs of the machine: file names of native libraries, and programs on the PATH.</summary>
    public ImmutableArray<string> System { get; init; } = [];

    /// <summary>Other plugins it needs, by id.</summary>
    public ImmutableArray<PluginDependency> Dependencies { get; init; } = [];

    /// <summary>Among plugins that do not need each other, lower starts first.</summary>
    public int StartupOrder { get; init; }

    /// <summary>How its code is kept apart; null means <see cref="PluginIsolation.Stable"/> for core plugins, else <see cref="PluginIsolation.Hot"/>.</summary>
    public PluginIsolation? Isolation { get; init; }

    /// <summary>Number of its processes under <see cref="PluginIsolation.Process"/>.</summary>
    public int Instances { get; init; } = 1;

    /// <summary>Limits of each of its processes; null means none.</summary>
    public PluginLimits? Limits { get; init; }

    /// <summary>Capabilities it needs, each with a reason for the operator.</summary>
    public ImmutableArray<RequestedCapability> Permissions { get; init; } = [];

    /// <summary>JSON Schema of its configuration section; null when it has none.</summary>
    public JsonObject? Configuration { get; init; }

    /// <summary>Inputs of its form, for tools.</summary>
    public ImmutableArray<PluginInput> Inputs { get; init; } = [];

    /// <summary>Its own part of the console; null when it has none.</summary>
    public PluginUi? Ui { get; init; }

    /// <summary>A failure of this plugin stops the start of the node.</summary>
    public bool Essential { get; init; }

    /// <summary>Its code is loaded at the first request, not at start.</summary>
    public bool Lazy { get; init; }

    /// <summary>Words to find it by.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>The id without its suite: <c>finance.ledger</c> → <c>ledger</c>.</summary>
    public string ShortName => Name[(Name.LastIndexOf('.') + 1)..];

    /// <summary>Prefix of all its routes: <c>/api/{category}/{shortName}</c>.</summary>
    public string RoutePrefix => $"/api/{Category.ToString().ToLowerInvariant()}/{ShortName}";

    /// <summary>Path of its part of the document tree: <c>plugins/{category}/{name}</c>.</summary>
    public string DocumentRoot => $"plugins/{Category.ToString().ToLowerInvariant()}/{Name}";
}

/// <summary>A plugin that another one needs.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Range">Accepted versions, NuGet interval notation.</param>
/// <param name="Optional">Its absence is a warning, not a failure.</param>
public sealed record PluginDependency(string Id, string Range, bool Optional = false);

/// <summary>Limits of a plugin process.</summary>
/// <param name="MemoryMegabytes">Greatest managed heap in MiB; null means none.</param>
/// <param name="CpuPercent">Greatest share of processor time, 100 is one core; null means none.</param>
public sealed record PluginLimits(int? MemoryMegabytes, int? CpuPercent);

/// <summary>One input of a plugin's form.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Type"><c>text</c>, <c>select</c>, <c>number</c> or <c>boolean</c>.</param>
/// <param name="Label">Label for people; the id when absent.</param>
/// <param name="Default">Value when none is given, or null.</param>
/// <param name="Required">A value must be given.</param>
/// <param name="Options">Values of a select.</param>
public sealed record PluginInput(string Id, string Type, string? Label, JsonNode? Default, bool Required, ImmutableArray<string> Options);

/// <summary>A plugin's own part of the console.</summary>
/// <param name="Module">ES module with <c>mount(element, context)</c>, relative to the plugin's folder; null when pages are only declared.</param>
/// <param name="Title">Menu title; the plugin's name for people when null.</param>
/// <param name="Icon">Name of the menu icon.</param>
/// <param name="Position">Place in the menu, lower first.</param>
public sealed record PluginUi(string? Module, string? Title, string? Icon, int? Position);

/// <summary>A capability that a manifest asks for.</summary>
/// <param name="Name">Such as <c>http.external</c>; see <see cref="Capability"/>.</param>
/// <param name="Reason">Why, in words for the operator.</param>
public sealed record RequestedCapability(string Name, string Reason);

/// <summary>Plugin category.</summary>
public enum PluginCategory
{
    /// <summary>Business features.</summary>
    Business,

    /// <summary>Third parties.</summary>
    Integration,

    /// <summary>Figures and reports.</summary>
    Analytics,

    /// <summary>Security features.</summary>
    Security,

    /// <summary>User interface.</summary>
    Ui,

    /// <summary>Parts of the platform itself.</summary>
    Core,

    /// <summary>Anything else; the default of single-file plugins.</summary>
    Custom,
}

/// <summary>How a plugin's code is kept apart from the host.</summary>
public enum PluginIsolation
{
    /// <summary>Non-collectible context: full speed, replaced by a restart of the node.</summary>
    Stable,

    /// <summary>Collectible context: swapped while the node serves.</summary>
    Hot,

    /// <summary>A process of its own (a later step; refused at load until then).</summary>
    Process,
}
