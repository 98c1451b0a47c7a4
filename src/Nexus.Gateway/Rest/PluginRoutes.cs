using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Metrics;

namespace Nexus.Gateway.Rest;

/// <summary>The one endpoint source of all plugins, derived from the snapshot. A new snapshot makes endpoints only for generations that were not in the last one.</summary>
internal sealed class PluginRoutes : EndpointDataSource, IDisposable
{
    private readonly Lock gate = new();
    private readonly IPlugins plugins;
    private readonly RequestMetrics metrics;
    private readonly ILogger log;
    private readonly Func<ActivePlugin, ResourceDescriptor, ResourceRoutes> resources;
    private readonly PluginCallParts parts;
    private readonly IDisposable subscription;
    private volatile State state = new(-1, [], new(ReferenceEqualityComparer.Instance), []);
    private CancellationTokenSource changed = new();

    public PluginRoutes(IPlugins plugins, RequestMetrics metrics, ILoggerFactory loggers, PluginRouteParts routeParts)
    {
        this.plugins = plugins;
        this.metrics = metrics;
        log = loggers.CreateLogger("Nexus.Gateway");
        parts = routeParts.Call;
        resources = routeParts.Resource;
        Rebuild();
        subscription = ChangeToken.OnChange(plugins.GetChangeToken, Rebuild);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Endpoint> Endpoints => state.Endpoints;

    /// <summary>Middleware of the snapshot that is served.</summary>
    public MiddlewareLink[] Chain => state.Chain;

    /// <inheritdoc/>
    public override IChangeToken GetChangeToken() => new CancellationChangeToken(Volatile.Read(ref changed).Token);

    /// <inheritdoc/>
    public void Dispose()
    {
        subscription.Dispose();
        changed.Dispose();
    }

    private void Rebuild()
    {
        CancellationTokenSource fired;
        lock (gate)
        {
            var snapshot = plugins.Current;
            var last = state;
            if (snapshot.Version == last.Version)
                return;
            var byPlugin = new Dictionary<ActivePlugin, Endpoint[]>(ReferenceEqualityComparer.Instance);
            foreach (var gone in last.ByPlugin.Keys.Where(p => !snapshot.Plugins.Contains(p)))
                parts.Answers.Forget(gone.Manifest.Name);
            foreach (var plugin in snapshot.Plugins)
                byPlugin[plugin] = last.ByPlugin.GetValueOrDefault(plugin) ?? Build(plugin);
            state = new State(snapshot.Version, [.. byPlugin.Values.SelectMany(e => e)], byPlugin, MiddlewareChain.Of(snapshot));
            fired = Interlocked.Exchange(ref changed, new CancellationTokenSource());
        }
        // Routing rebuilds its matcher inside this call, so the routes are live when the publisher goes on. Not disposed: routing may still read its token.
        fired.Cancel();
    }

    private Endpoint[] Build(ActivePlugin plugin)
    {
        var endpoints = new List<Endpoint>();
        var own = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var endpoint in plugin.Endpoints)
        {
            var pattern = endpoint.PathUnder(plugin.Manifest);
            try
            {
                var facts = Facts(plugin, pattern, endpoint);
                endpoints.Add(Endpoint(Versioned(plugin, facts, new PluginCall(plugin, endpoint.Handler, facts, parts).InvokeAsync), facts, endpoint.Order));
                own.UnionWith(facts.Methods.Select(m => m + " " + Shape(pattern)));
            }
            catch (RoutePatternException exception)
            {
                log.LogError("The route {Pattern} of {Plugin} is not served: {Cause}", pattern, plugin.Manifest.Name, exception.Message);
            }
        }
        foreach (var resource in plugin.Resources)
        {
            var call = resources(plugin, resource);
            foreach (var route in call.Routes(metrics))
            {
                // A route that the author mapped by hand replaces the derived one.
                if (!route.Facts.Methods.Any(m => own.Contains(m + " " + Shape(route.Facts.Pattern))))
                    endpoints.Add(Endpoint(Versioned(plugin, route.Facts, route.Handler), route.Facts, 0));
            }
        }
        return [.. endpoints];
    }

    private static RequestDelegate Versioned(ActivePlugin plugin, RouteFacts facts, RequestDelegate handler) =>
        ApiVersions.Find(plugin, facts.Pattern) is { } version ? ApiVersions.Telling(version, handler) : handler;

    private RouteFacts Facts(ActivePlugin plugin, string pattern, EndpointDescriptor endpoint) => new()
    {
        Plugin = plugin.Manifest.Name,
        Pattern = pattern,
        Methods = endpoint.Methods.Contains("GET") && !endpoint.Methods.Contains("HEAD") ? endpoint.Methods.Add("HEAD") : endpoint.Methods,
        Handler = endpoint.DisplayName.Length > 0 ? endpoint.DisplayName : pattern,
        Permission = endpoint.Permission,
        ForPasswordChange = endpoint.ForPasswordChange,
        RateLimit = endpoint.RateLimit,
        Feature = endpoint.Feature,
        Cached = endpoint.Cached,
        Version = plugin.Manifest.Version,
        Counters = metrics.For(plugin.Manifest.Name, pattern),
    };

    private static RouteEndpoint Endpoint(RequestDelegate handler, RouteFacts facts, int order)
    {
        var builder = new RouteEndpointBuilder(handler, RoutePatternFactory.Parse(facts.Pattern), order) { DisplayName = facts.Handler };
        if (facts.Methods.Length > 0)
            builder.Metadata.Add(new HttpMethodMetadata(facts.Methods));
        builder.Metadata.Add(facts);
        return (RouteEndpoint)builder.Build();
    }

    /// <summary>A pattern without the names of its parameters: two routes of one shape are ambiguous.</summary>
    private static string Shape(string pattern) =>
        string.Join('/', RoutePatternFactory.Parse(pattern).PathSegments.Select(s => string.Concat(s.Parts.Select(p => p is RoutePatternLiteralPart l ? l.Content : "{}"))));

    /// <summary>All that is served, replaced as one.</summary>
    private sealed record State(long Version, IReadOnlyList<Endpoint> Endpoints, Dictionary<ActivePlugin, Endpoint[]> ByPlugin, MiddlewareLink[] Chain);
}

/// <summary>How <see cref="PluginRoutes"/> makes handlers.</summary>
internal sealed record PluginRouteParts(PluginCallParts Call, Func<ActivePlugin, ResourceDescriptor, ResourceRoutes> Resource);
