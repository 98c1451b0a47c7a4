using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Nexus;

/// <summary>Everything that is visible of the active plugins, as one immutable value. The kernel publishes a new one atomically; rooms derive what they serve from it and from nothing else.</summary>
/// <param name="Version">Grows by one with each publication.</param>
/// <param name="Plugins">Active plugins, in dependency order.</param>
public sealed record PlatformSnapshot(long Version, ImmutableArray<ActivePlugin> Plugins)
{
    /// <summary>The snapshot before the first plugin.</summary>
    public static PlatformSnapshot Empty { get; } = new(0, []);

    /// <summary>Lazy plugins whose code is not loaded yet; see <see cref="IPluginActivation"/>.</summary>
    public ImmutableArray<PluginManifest> Inactive { get; init; } = [];

    /// <summary>The active plugin of that id, or null.</summary>
    public ActivePlugin? Find(string id) => Plugins.FirstOrDefault(p => p.Manifest.Name == id);
}

/// <summary>One active generation of a plugin: data and raw delegates, never its CLR types.</summary>
public sealed record ActivePlugin
{
    /// <summary>Its manifest.</summary>
    public required PluginManifest Manifest { get; init; }

    /// <summary>Number of this generation, from 1, unique for the plugin within the process.</summary>
    public required long Generation { get; init; }

    /// <summary>The lease on its code. Whoever calls a delegate below enters first and exits after.</summary>
    public required IGeneration Lease { get; init; }

    /// <summary>Its own routes.</summary>
    public ImmutableArray<EndpointDescriptor> Endpoints { get; init; } = [];

    /// <summary>Its middleware.</summary>
    public ImmutableArray<MiddlewareContribution> Middleware { get; init; } = [];

    /// <summary>Its resources.</summary>
    public ImmutableArray<ResourceDescriptor> Resources { get; init; } = [];

    /// <summary>Its event handlers.</summary>
    public ImmutableArray<SubscriptionDescriptor> Subscriptions { get; init; } = [];

    /// <summary>Its tasks.</summary>
    public ImmutableArray<TaskDescriptor> Tasks { get; init; } = [];

    /// <summary>Its schedules.</summary>
    public ImmutableArray<ScheduleDescriptor> Schedules { get; init; } = [];

    /// <summary>Tools that it declares beside those of its resources.</summary>
    public ImmutableArray<ToolDescriptor> Tools { get; init; } = [];

    /// <summary>Its pages in the console.</summary>
    public ImmutableArray<PageDescriptor> Pages { get; init; } = [];

    /// <summary>Its parts of the console's first page.</summary>
    public ImmutableArray<WidgetDescriptor> Widgets { get; init; } = [];

    /// <summary>Files that browsers get of it.</summary>
    public PluginFiles Files { get; init; } = PluginFiles.Empty;

    /// <summary>Services it provides.</summary>
    public ImmutableArray<ProvidedServiceDescriptor> Services { get; init; } = [];

    /// <summary>Ways to authenticate that it brings.</summary>
    public ImmutableArray<AuthenticationContribution> Authentication { get; init; } = [];

    /// <summary>The policy of the node, when it is this plugin's.</summary>
    public AuthorizationContribution? Authorization { get; init; }

    /// <summary>Roles that it brings.</summary>
    public ImmutableArray<RoleContribution> Roles { get; init; } = [];

    /// <summary>Versions of its HTTP API that it tells of, by number; empty when there is the first one only.</summary>
    public ImmutableArray<ApiVersionContribution> ApiVersions { get; init; } = [];

    /// <summary>Whether it seals the audit trail.</summary>
    public bool SealsAudit { get; init; }

    /// <summary>Ports over an engine that nodes share, when it brings any.</summary>
    public SharedPorts? Shared { get; init; }

    /// <summary>Takes letters of all plugins, when it sends mail.</summary>
    public MailContribution? Mail { get; init; }

    /// <summary>Scales the pictures of this node, when it does.</summary>
    public PictureContribution? Pictures { get; init; }

    /// <summary>Services besides its id under which it keeps values in the cache.</summary>
    public ImmutableArray<string> CacheNames { get; init; } = [];

    /// <summary>Its quota; null when it has none.</summary>
    public IPluginQuota? Quota { get; init; }

    /// <summary>Services it cannot do without.</summary>
    public ImmutableArray<ServiceNeed> Requires { get; init; } = [];
}

/// <summary>A reference-counted hold on a generation's code. Safe for concurrent use; enter and exit cost one interlocked operation each.</summary>
public interface IGeneration
{
    /// <summary>The plugin's own provider. Use only while holding the lease.</summary>
    IServiceProvider Services { get; }

    /// <summary>Cancelled when the drain begins, for streams and sockets to close themselves; ordinary requests run on.</summary>
    CancellationToken Stopping { get; }

    /// <summary>Cancelled at the drain limit: whatever still holds a lease is aborted.</summary>
    CancellationToken Aborting => Stopping;

    /// <summary>Takes a lease; false when the generation drains, and the caller must look up the current snapshot again.</summary>
    bool TryEnter();

    /// <summary>Returns a lease. Exactly once for each successful <see cref="TryEnter"/>.</summary>
    void Exit();
}

/// <summary>One route of a plugin, inert but for its handler.</summary>
public sealed record EndpointDescriptor
{
    /// <summary>Route pattern relative to the plugin's prefix, as its author wrote it. One that begins with <c>~/</c> begins at the root; only core plugins may have it.</summary>
    public required string Pattern { get; init; }

    /// <summary>The whole pattern as it is served.</summary>
    public string PathUnder(PluginManifest plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        return Pattern.StartsWith("~/", StringComparison.Ordinal) ? Pattern[1..] : (plugin.RoutePrefix + "/" + Pattern.Trim('/')).TrimEnd('/');
    }

    /// <summary>HTTP methods; empty means any.</summary>
    public ImmutableArray<string> Methods { get; init; } = [];

    /// <summary>Order as in ASP.NET Core routing.</summary>
    public int Order { get; init; }

    /// <summary>The compiled handler; expects <c>HttpContext.RequestServices</c> to be a scope of the plugin's provider.</summary>
    public required RequestDelegate Handler { get; init; }

    /// <summary>Permission that a caller needs, or null for a public route.</summary>
    public string? Permission { get; init; }

    /// <summary>Also served to a caller who must change the password first; see <see cref="SignedIn.MustChangePassword"/>.</summary>
    public bool ForPasswordChange { get; init; }

    /// <summary>How often one caller may use it, or null for any number.</summary>
    public RateLimit? RateLimit { get; init; }

    /// <summary>Feature without which it is not served, or null.</summary>
    public string? Feature { get; init; }

    /// <summary>How its answers to GET are cached; null when they are not.</summary>
    public CachedAnswer? Cached { get; init; }

    /// <summary>The operation object of OpenAPI 3.1 for this route as UTF-8 JSON (parameters, requestBody, responses), schemas in line.</summary>
    public ReadOnlyMemory<byte> OpenApi { get; init; }

    /// <summary>Name of the handler for <c>nexus routes</c>.</summary>
    public string DisplayName { get; init; } = "";
}

/// <summary>The kernel's plugins, as the other rooms see them.</summary>
public interface IPlugins
{
    /// <summary>What is served now. Reading it costs one volatile read.</summary>
    PlatformSnapshot Current { get; }

    /// <summary>Every known plugin in every state, sorted by id.</summary>
    ImmutableArray<PluginStatus> List();

    /// <summary>A token that fires once when <see cref="Current"/> has been replaced.</summary>
    IChangeToken GetChangeToken();

    /// <summary>Carries out a command of an operator and returns when it is done. Commands on one plugin are serialised.</summary>
    /// <exception cref="NexusException">With the code of what went wrong; nothing half-done remains.</exception>
    Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress, CancellationToken cancellationToken);
}
