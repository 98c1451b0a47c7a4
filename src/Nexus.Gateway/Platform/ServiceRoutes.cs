using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Services that plugins provide to each other: who provides and uses them, how they do, and a fresh start of one.</summary>
internal sealed class ServiceRoutes(IServiceProvider host, IPlugins plugins, AdministrationTrail administration) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/services", "listServices", "Services that plugins provide to each other", "platform.services:read", context => JsonAnswer.SendAsync(context, List().Select(View))),
        new("GET", "/api/v1/services/graph", "getServiceGraph", "Which plugin uses which service", "platform.services:read", context => JsonAnswer.SendAsync(context, Graph())),
        new("GET", "/api/v1/services/{name}", "getService", "One service by the name of its implementation or contract: what its plugin needs, who uses it, its calls and last error", "platform.services:read", FindAsync),
        new("POST", "/api/v1/services/{name}/restart", "restartService", "Swap the plugin that provides a service for a fresh generation of itself", "platform.services:update", RestartAsync),
    ];

    private IServiceRegistry? Registry => host.GetService<IServiceRegistry>();

    private ImmutableArray<ServiceStatus> List() => Registry?.List() ?? [];

    private ImmutableArray<ServiceUse> Graph() => Registry?.Graph() ?? [];

    private static object View(ServiceStatus s) => new
    {
        name = s.Name,
        provider = s.Plugin,
        @interface = s.Contract,
        lifetime = s.Lifetime,
        health = s.Health,
        methods = s.Methods,
        bound = s.Bound,
        calls = s.Calls,
        errors = s.Errors,
        lastError = s.LastError,
        lastErrorAt = s.LastErrorAt,
    };

    private ServiceStatus Find(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        // A contract has several implementations; calls go to the bound one.
        return List().Where(s => s.Name == name || s.Contract == name).OrderByDescending(s => s.Name == name).ThenByDescending(s => s.Bound).FirstOrDefault()
            ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"No active plugin provides a service {name}.");
    }

    private Task FindAsync(HttpContext context)
    {
        var service = Find(context);
        var uses = Graph();
        return JsonAnswer.SendAsync(context, new
        {
            service = View(service),
            generation = Generation(service.Plugin),
            dependencies = uses.Where(u => u.Consumer == service.Plugin),
            dependents = uses.Where(u => u.Contract == service.Contract && u.Provider == service.Plugin),
        });
    }

    private async Task RestartAsync(HttpContext context)
    {
        var service = Find(context);
        var before = Generation(service.Plugin);
        var status = await administration.ExecuteAsync(new PluginCommand.Reload(service.Plugin), null);
        await JsonAnswer.SendAsync(context, new { name = service.Name, provider = service.Plugin, state = status.State, generation = Generation(service.Plugin), before });
    }

    private long Generation(string plugin) => plugins.List().FirstOrDefault(p => p.Id == plugin)?.Generation ?? 0;
}
