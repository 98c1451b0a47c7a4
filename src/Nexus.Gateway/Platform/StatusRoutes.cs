using System.Reflection;
using System.Runtime;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Health;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Monitoring;
using Nexus.Gateway.OpenApi;
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
        new("GET", "/api/v1/status", "getStatus", "The node's components with their states and counts", "platform.status:read", StatusAsync) { Answer = Answer.Of<NodeView>() },
        new("GET", "/status", "getMachineStatus", "The node's components, the processors, memory, disk and graphics processors of its machine, and every check", "platform.status:read", MachineAsync) { Quiet = true, Answer = Answer.Of<MachineView>() },
        new("GET", "/api/v1/routes", "listRoutes", "Every route: address, methods, plugin, handler, permission", "platform.status:read", RoutesAsync) { Query = [("pipeline", "name the stages of the pipeline instead, in order"), ("plugin", "routes of one plugin")], Answer = Answer.Of<RouteView[]>().Or(Answer.Of<StageView[]>()) },
        new("GET", "/api/v1/errors", "listErrors", "The error catalogue", PlatformRoute.Anyone, context => JsonAnswer.SendAsync(context, ErrorCodes.All)) { Answer = Answer.Of<ErrorCode[]>() },
        new("GET", "/api/v1/errors/{code}", "getError", "One error with its cause and remedy", PlatformRoute.Anyone, ErrorAsync) { Answer = Answer.Of<ErrorCode>() },
    ];

    private async Task StatusAsync(HttpContext context) => await JsonAnswer.SendAsync(context, Look(await health.CheckAsync(context.RequestAborted)));

    private async Task MachineAsync(HttpContext context)
    {
        var checks = await health.CheckAsync(context.RequestAborted);
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        var gpus = Gpu.List("/");
        await JsonAnswer.SendAsync(context, MachineView.Of(
            Look(checks),
            new ProcessorUse(Math.Round(use.CpuPercent(), 2), Environment.ProcessorCount, Math.Round(self.TotalProcessorTime.TotalSeconds, 3)),
            new MemoryUse(Math.Round(ProcessUse.MemoryPercent(), 2), self.WorkingSet64, GC.GetTotalMemory(forceFullCollection: false)),
            use.Disk() is { } disk ? new DiskUse(Math.Round(ProcessUse.Used(disk), 2), disk.TotalSize, disk.AvailableFreeSpace) : null,
            gpus.Count > 0 ? gpus : null,
            [checks.Core, .. checks.Plugins, .. checks.Dependencies]));
    }

    private NodeView Look(NodeHealth checks)
    {
        var statuses = plugins.List();
        var snapshot = plugins.Current;
        static ComponentView Part(string name, string says, HealthLevel status, params (string Name, long Count)[] counts) => new(name, status, says, counts.ToDictionary(c => c.Name, c => c.Count, StringComparer.Ordinal));
        HealthLevel Has<T>() => host.GetService<T>() is null ? HealthLevel.Unhealthy : HealthLevel.Healthy;
        var failed = statuses.Count(p => p.State is PluginState.Failed or PluginState.Quarantined);
        var endpoints = host.GetServices<EndpointDataSource>().Sum(s => s.Endpoints.Count);
        return new NodeView(
            checks.Status,
            typeof(StatusRoutes).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0],
            startedAt,
            Math.Round((time.GetUtcNow() - startedAt).TotalSeconds, 3),
            snapshot.Version,
            Runtime(),
            [
                Part("config", "Configuration", HealthLevel.Healthy),
                Part("api_gateway", "Web application", HealthLevel.Healthy, ("routes", RouteTable().Count()), ("endpoints", endpoints)),
                Part("plugin_manager", "Plugins", failed > 0 ? HealthLevel.Degraded : HealthLevel.Healthy, ("active", snapshot.Plugins.Length), ("lazy", snapshot.Inactive.Length), ("failed", failed), ("known", statuses.Length)),
                Part("event_bus", "Events", Has<IEvents>(), ("subscriptions", snapshot.Plugins.Sum(p => p.Subscriptions.Length))),
                Part("service_registry", "Services between plugins", Has<IServiceRegistry>(), ("provided", snapshot.Plugins.Sum(p => p.Services.Length))),
                Part("db_adapter", "Storage", Worse(Has<IStorage>(), checks.Dependencies.FirstOrDefault(d => d.Name == "storage")?.Status), ("resources", snapshot.Plugins.Sum(p => p.Resources.Length))),
                Part("auth_manager", "Authorization", HealthLevel.Healthy) with { Detail = host.GetRequiredService<IAuthorization>().GetType().Name },
            ]);
    }

    /// <summary>How the runtime was told to keep memory and threads, and what it may use.</summary>
    private static RuntimeView Runtime() => new(
        Environment.Version.ToString(),
        Environment.ProcessId,
        Environment.ProcessorCount,
        GCSettings.IsServerGC ? "server" : "workstation",
        GCSettings.LatencyMode,
        GC.GetTotalMemory(forceFullCollection: false),
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        AppContext.GetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit") is not "0");

    private static HealthLevel Worse(HealthLevel a, HealthLevel? b) => b > a ? b.Value : a;

    private IEnumerable<RouteFacts> RouteTable() =>
        host.GetRequiredService<PlatformEndpoints>().Endpoints.Concat(host.GetRequiredService<PluginRoutes>().Endpoints)
            .Select(e => e.Metadata.GetMetadata<RouteFacts>()!)
            .OrderBy(r => r.Pattern, StringComparer.Ordinal);

    private Task RoutesAsync(HttpContext context)
    {
        if (context.Request.Query.ContainsKey("pipeline"))
            return JsonAnswer.SendAsync(context, PipelineStage.All.Select((stage, i) => new StageView(i + 1, stage.Name, stage.Does)));
        var plugin = context.Request.Query["plugin"].FirstOrDefault();
        var routes = RouteTable().Where(r => plugin is null || r.Plugin == plugin);
        return JsonAnswer.SendAsync(context, routes.Select(r => new RouteView(r.Pattern, r.Methods, r.Plugin, r.Handler, r.Permission)));
    }

    private static Task ErrorAsync(HttpContext context)
    {
        var code = (string)context.Request.RouteValues["code"]!;
        return ErrorCodes.Find(code) is { } entry
            ? JsonAnswer.SendAsync(context, entry)
            : throw new NexusException(ErrorCodes.ResourceNotFound, $"The catalogue has no code {code}.");
    }
}
