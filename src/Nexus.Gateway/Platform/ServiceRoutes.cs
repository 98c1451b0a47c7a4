using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Services that plugins provide to each other: who provides and uses them, how they do, and a fresh start of one.</summary>
internal sealed class ServiceRoutes(IServiceProvider host, IPlugins plugins, AdministrationTrail administration) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/services", "listServices", "Services that plugins provide to each other", "platform.services:read", context => JsonAnswer.SendAsync(context, List().Select(View))) { Answer = Answer.Of<ServiceView[]>() },
        new("GET", "/api/v1/services/graph", "getServiceGraph", "Which plugin uses which service", "platform.services:read", context => JsonAnswer.SendAsync(context, Graph())) { Answer = Answer.Of<ServiceUse[]>() },
        new("GET", "/api/v1/services/{name}", "getService", "One service by the name of its implementation or contract: what its plugin needs, who uses it, its calls and last error", "platform.services:read", FindAsync) { Answer = Answer.Of<ServiceDetail>() },
        new("POST", "/api/v1/services/{name}/restart", "restartService", "Swap the plugin that provides a service for a fresh generation of itself", "platform.services:update", RestartAsync) { Answer = Answer.Of<ServiceRestarted>() },
    ];

    private IServiceRegistry? Registry => host.GetService<IServiceRegistry>();

    private ImmutableArray<ServiceStatus> List() => Registry?.List() ?? [];

    private ImmutableArray<ServiceUse> Graph() => Registry?.Graph() ?? [];

    private static ServiceView View(ServiceStatus s) => new(s.Name, s.Plugin, s.Contract, s.Lifetime, s.Health, s.Methods, s.Bound, s.Calls, s.Errors, s.LastError, s.LastErrorAt);

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
        return JsonAnswer.SendAsync(context, new ServiceDetail(
            View(service),
            Generation(service.Plugin),
            [.. uses.Where(u => u.Consumer == service.Plugin)],
            [.. uses.Where(u => u.Contract == service.Contract && u.Provider == service.Plugin)]));
    }

    private async Task RestartAsync(HttpContext context)
    {
        var service = Find(context);
        var before = Generation(service.Plugin);
        var status = await administration.ExecuteAsync(new PluginCommand.Reload(service.Plugin), null);
        await JsonAnswer.SendAsync(context, new ServiceRestarted(service.Name, service.Plugin, status.State, Generation(service.Plugin), before));
    }

    private long Generation(string plugin) => plugins.List().FirstOrDefault(p => p.Id == plugin)?.Generation ?? 0;
}

/// <summary>A service as operators see it.</summary>
internal sealed record ServiceView(string Name, string Provider, string Interface, ServiceLifetime Lifetime, PluginHealth Health, ImmutableArray<string> Methods, bool Bound, long Calls, long Errors, string? LastError, DateTimeOffset? LastErrorAt);

/// <summary>A service with what its plugin uses and who uses it.</summary>
internal sealed record ServiceDetail(ServiceView Service, long Generation, ImmutableArray<ServiceUse> Dependencies, ImmutableArray<ServiceUse> Dependents);

/// <summary>A service whose plugin was swapped for a fresh generation.</summary>
internal sealed record ServiceRestarted(string Name, string Provider, PluginState State, long Generation, long Before);
