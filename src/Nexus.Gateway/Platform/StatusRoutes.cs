using System.Reflection;
using System.Runtime;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Health;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Monitoring;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>What the node is and serves: components, routes, error catalogue.</summary>
internal sealed class StatusRoutes(IServiceProvider host, IPlugins plugins, HealthRoutes health, ProcessUse use, TimeProvider time) : IPlatformRoutes
{
    private readonly DateTimeOffset startedAt = time.GetUtcNow();

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/status", "getStatus", "The node's components with their states and counts", "platform.status:read", StatusAsync),
        new("GET", "/status", "getMachineStatus", "The node's components, the processors, memory, disk and graphics processors of its machine, and every check", "platform.status:read", MachineAsync) { Quiet = true },
        new("GET", "/api/v1/routes", "listRoutes", "Every route: address, methods, plugin, handler, permission", "platform.status:read", RoutesAsync) { Query = [("pipeline", "name the stages of the pipeline instead, in order"), ("plugin", "routes of one plugin")] },
        new("GET", "/api/v1/errors", "listErrors", "The error catalogue", PlatformRoute.Anyone, context => JsonAnswer.SendAsync(context, ErrorCodes.All)),
        new("GET", "/api/v1/errors/{code}", "getError", "One error with its cause and remedy", PlatformRoute.Anyone, ErrorAsync),
    ];

    private async Task StatusAsync(HttpContext context) => await JsonAnswer.SendAsync(context, Look(await health.CheckAsync(context.RequestAborted)));

    private async Task MachineAsync(HttpContext context)
    {
        var checks = await health.CheckAsync(context.RequestAborted);
        var answer = JsonSerializer.SerializeToNode(Look(checks), JsonAnswer.Options)!.AsObject();
        void Add(string name, object? part) => answer[name] = JsonSerializer.SerializeToNode(part, JsonAnswer.Options);
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        Add("cpu", new { usagePercent = Math.Round(use.CpuPercent(), 2), processors = Environment.ProcessorCount, processSeconds = Math.Round(self.TotalProcessorTime.TotalSeconds, 3) });
        Add("memory", new { usagePercent = Math.Round(ProcessUse.MemoryPercent(), 2), processBytes = self.WorkingSet64, heapBytes = GC.GetTotalMemory(forceFullCollection: false) });
        if (use.Disk() is { } disk)
            Add("disk", new { usagePercent = Math.Round(ProcessUse.Used(disk), 2), sizeBytes = disk.TotalSize, freeBytes = disk.AvailableFreeSpace });
        if (Gpu.List("/") is { Count: > 0 } gpus)
            Add("gpu", gpus);
        Add("checks", (PartHealth[])[checks.Core, .. checks.Plugins, .. checks.Dependencies]);
        await JsonAnswer.SendAsync(context, answer);
    }

    private object Look(NodeHealth checks)
    {
        var statuses = plugins.List();
        var snapshot = plugins.Current;
        object Part(string name, string says, HealthLevel status, object counts) => new { name, status, description = says, counts };
        HealthLevel Has<T>() => host.GetService<T>() is null ? HealthLevel.Unhealthy : HealthLevel.Healthy;
        var failed = statuses.Count(p => p.State is PluginState.Failed or PluginState.Quarantined);
        var endpoints = host.GetServices<EndpointDataSource>().Sum(s => s.Endpoints.Count);
        return new
        {
            status = checks.Status,
            version = typeof(StatusRoutes).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0],
            startedAt,
            uptimeSeconds = Math.Round((time.GetUtcNow() - startedAt).TotalSeconds, 3),
            snapshot = snapshot.Version,
            runtime = Runtime(),
            components = new[]
            {
                Part("config", "Configuration", HealthLevel.Healthy, new { }),
                Part("api_gateway", "Web application", HealthLevel.Healthy, new { routes = RouteTable().Count(), endpoints }),
                Part("plugin_manager", "Plugins", failed > 0 ? HealthLevel.Degraded : HealthLevel.Healthy, new { active = snapshot.Plugins.Length, lazy = snapshot.Inactive.Length, failed, known = statuses.Length }),
                Part("event_bus", "Events", Has<IEvents>(), new { subscriptions = snapshot.Plugins.Sum(p => p.Subscriptions.Length) }),
                Part("service_registry", "Services between plugins", Has<IServiceRegistry>(), new { provided = snapshot.Plugins.Sum(p => p.Services.Length) }),
                Part("db_adapter", "Storage", Worse(Has<IStorage>(), checks.Dependencies.FirstOrDefault(d => d.Name == "storage")?.Status), new { resources = snapshot.Plugins.Sum(p => p.Resources.Length) }),
                Part("auth_manager", "Authorization", HealthLevel.Healthy, new { policy = host.GetRequiredService<IAuthorization>().GetType().Name }),
            },
        };
    }

    /// <summary>How the runtime was told to keep memory and threads, and what it may use.</summary>
    private static object Runtime() => new
    {
        version = Environment.Version.ToString(),
        processors = Environment.ProcessorCount,
        gc = GCSettings.IsServerGC ? "server" : "workstation",
        latency = GCSettings.LatencyMode,
        heapBytes = GC.GetTotalMemory(forceFullCollection: false),
        limitBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        threadsSpin = AppContext.GetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit") is not "0",
    };

    private static HealthLevel Worse(HealthLevel a, HealthLevel? b) => b > a ? b.Value : a;

    private IEnumerable<RouteFacts> RouteTable() =>
        host.GetRequiredService<PlatformEndpoints>().Endpoints.Concat(host.GetRequiredService<PluginRoutes>().Endpoints)
            .Select(e => e.Metadata.GetMetadata<RouteFacts>()!)
            .OrderBy(r => r.Pattern, StringComparer.Ordinal);

    private Task RoutesAsync(HttpContext context)
    {
        if (context.Request.Query.ContainsKey("pipeline"))
            return JsonAnswer.SendAsync(context, PipelineStage.All.Select((stage, i) => new { order = i + 1, stage = stage.Name, does = stage.Does }));
        var plugin = context.Request.Query["plugin"].FirstOrDefault();
        var routes = RouteTable().Where(r => plugin is null || r.Plugin == plugin);
        return JsonAnswer.SendAsync(context, routes.Select(r => new { url = r.Pattern, methods = r.Methods, plugin = r.Plugin, handler = r.Handler, permission = r.Permission }));
    }

    private static Task ErrorAsync(HttpContext context)
    {
        var code = (string)context.Request.RouteValues["code"]!;
        return ErrorCodes.Find(code) is { } entry
            ? JsonAnswer.SendAsync(context, entry)
            : throw new NexusException(ErrorCodes.ResourceNotFound, $"The catalogue has no code {code}.");
    }
}
