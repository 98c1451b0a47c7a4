using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Changes;
using Nexus.Gateway.GraphQL.Federation;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>
/// The schema of the snapshot that is served, built when first asked for. A new snapshot lets go of it in the same moment: a schema holds
/// descriptors, and with them the code of plugins.
/// </summary>
internal sealed partial class SurfaceSchema : IDisposable
{
    private readonly IPlugins plugins;
    private readonly SurfaceSchemaParts parts;
    private readonly IDisposable following;
    private volatile PreparedSchema? current;

    public SurfaceSchema(IPlugins plugins, SurfaceSchemaParts parts)
    {
        (this.plugins, this.parts) = (plugins, parts);
        following = ChangeToken.OnChange(plugins.GetChangeToken, Forget);
    }

    /// <summary>The schema of the current snapshot.</summary>
    public PreparedSchema Current
    {
        get
        {
            var snapshot = plugins.Current;
            if (current is { } known && known.Version == snapshot.Version)
                return known;
            var built = new PreparedSchema(snapshot.Version, Build(snapshot));
            current = built;
            // The snapshot may have been replaced meanwhile, and its end been told before this schema was kept.
            if (plugins.Current.Version != snapshot.Version)
                current = null;
            return built;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => following.Dispose();

    private void Forget()
    {
        if (current is { } known && known.Version != plugins.Current.Version)
            current = null;
    }

    private Schema Build(PlatformSnapshot snapshot)
    {
        var (query, mutation, subscription) = (new ObjectType("Query"), new ObjectType("Mutation"), new ObjectType("Subscription"));
        new PluginOperations(plugins, parts.Authorization, parts.Administration).Add(query, mutation);
        CallerFields.Add(query);
        var types = new RecordTypes(parts.Settings.Current.HiddenFields);
        var queries = new RecordQueries(parts.Operations, new FilterTypes(types), parts.IsSubgraph);
        var entities = parts.IsSubgraph ? new EntityQueries(queries) : null;
        var changes = new RecordChanges(parts.Operations, types);
        var events = new RecordEvents(parts.Feed);
        var attachments = new RecordAttachments(parts.Host.GetRequiredService<IAttachmentOperations>);
        var bound = new Dictionary<string, (BoundResource Resource, ObjectType Type)>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var plugin in snapshot.Plugins)
        {
            foreach (var resource in plugin.Resources)
            {
                var one = new BoundResource(plugin, resource);
                if (names.Add(one.TypeName))
                    bound[resource.Table] = (one, new ObjectType(one.TypeName, resource.Description));
                else
                    TellTaken(parts.Log, resource.Table, one.TypeName);
            }
        }
        foreach (var (resource, type) in bound.Values)
        {
            RecordQueries.AddPlatform(type);
            types.AddFields(type, resource.Descriptor.Fields);
            queries.Add(query, resource, type);
            if (resource.Descriptor.View is null)
            {
                changes.Add(mutation, resource, type);
                events.Add(subscription, resource, type);
            }
            attachments.Add(type, mutation, resource);
            entities?.Add(resource, type);
        }
        foreach (var (resource, type) in bound.Values)
            AddReferences(queries, bound, resource, type, types, entities);
        var tools = new ToolFields(parts.Operations, types, queries);
        foreach (var plugin in snapshot.Plugins)
            tools.Add(query, mutation, plugin, bound);
        entities?.AddTo(query);
        return new Schema(query, mutation, subscription.Fields.Count > 0 ? subscription : null) { Description = "What the plugins of this node declare." };
    }

    private static void AddReferences(RecordQueries queries, Dictionary<string, (BoundResource Resource, ObjectType Type)> bound, BoundResource resource, ObjectType type, RecordTypes types, EntityQueries? entities)
    {
        foreach (var field in resource.Descriptor.Fields.Where(types.IsShown))
        {
            var reference = field.Kind == FieldKind.Reference ? field : field is { Kind: FieldKind.List, Element.Kind: FieldKind.Reference } ? field.Element : null;
            if (reference?.Target is not { } target)
                continue;
            if (!(bound.TryGetValue(target, out var found) || bound.TryGetValue($"{resource.Descriptor.Plugin}.{target}", out found)))
            {
                if (entities is not null && GraphNames.Foreign(reference) is { } named && entities.AddForeign(type, field, named) is var foreign && field.Kind == FieldKind.Reference)
                    queries.AddChildren(foreign, GraphNames.List(resource.Descriptor) + "By" + GraphNames.Pascal(field.Name), resource, field, type);
                continue;
            }
            if (field.Kind == FieldKind.List)
            {
                queries.AddReferences(type, field, found.Resource, found.Type);
                continue;
            }
            queries.AddReference(type, field, found.Resource, found.Type);
            var own = resource.Descriptor.Plugin == found.Resource.Descriptor.Plugin;
            var name = (own ? GraphNames.Camel(resource.Descriptor.Name) : GraphNames.List(resource.Descriptor)) + "By" + GraphNames.Pascal(field.Name);
            queries.AddChildren(found.Type, name, resource, field, type);
        }
    }

    [LoggerMessage(21, LogLevel.Warning, "{Resource} is not served by GraphQL: the type {Type} belongs to another resource.")]
    private static partial void TellTaken(ILogger log, string resource, string type);
}

/// <summary>What the schema is built with.</summary>
internal sealed class SurfaceSchemaParts(IServiceProvider host, ServerSettings settings, IOptionsMonitor<GraphQLOptions> options, ILoggerFactory loggers)
{
    /// <summary>The node answers what a composing gateway asks. Settled at the start: a schema that was built stays until its snapshot goes.</summary>
    public bool IsSubgraph { get; } = options.CurrentValue.Federation;

    /// <summary>The host's services, for ports that not every host has.</summary>
    public IServiceProvider Host { get; } = host;

    /// <summary>Section <c>server</c>.</summary>
    public ServerSettings Settings { get; } = settings;

    /// <summary>Where it logs.</summary>
    public ILogger Log { get; } = loggers.CreateLogger("Nexus.Gateway");

    /// <summary>The pipeline of all surfaces.</summary>
    public IResourceOperations Operations => Host.GetRequiredService<IResourceOperations>();

    /// <summary>What happens to records.</summary>
    public RecordFeed Feed => Host.GetRequiredService<RecordFeed>();

    /// <summary>The policy point.</summary>
    public IAuthorization Authorization => Host.GetRequiredService<IAuthorization>();

    /// <summary>Commands of operators.</summary>
    public AdministrationTrail Administration => Host.GetRequiredService<AdministrationTrail>();
}
