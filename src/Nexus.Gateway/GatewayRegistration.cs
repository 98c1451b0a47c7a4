using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nexus.Gateway;
using Nexus.Gateway.Caching;
using Nexus.Gateway.Changes;
using Nexus.Gateway.Forwarding;
using Nexus.Gateway.GraphQL;
using Nexus.Gateway.Grpc;
using Nexus.Gateway.Live;
using Nexus.Gateway.Health;
using Nexus.Gateway.Logging;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Monitoring;
using Nexus.Gateway.Notifications;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Tools;
using Nexus.Gateway.Security;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Callers;
using Nexus.Gateway.Security.Limits;
using Nexus.Gateway.Security.Rules;
using Nexus.Gateway.Security.Transport;
using Nexus.Gateway.Security.Watch;

namespace Nexus;

/// <summary>Puts the gateway into a host.</summary>
public static class GatewayRegistration
{
    /// <summary>Adds the gateway. The host also registers <see cref="IPlugins"/> and <see cref="IResourceOperations"/>; <see cref="IStorage"/>, <see cref="IEvents"/> and <see cref="IEventStore"/> are used where they are.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The whole configuration; section <c>server</c> is bound.</param>
    public static IServiceCollection AddNexusGateway(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        services.Configure<ServerOptions>(configuration.GetSection("server"));
        services.AddRouting();
        services.AddResponseCompression(compression => compression.MimeTypes = ["application/json", "application/problem+json", "application/graphql-response+json", "text/plain", "text/html", "text/css", "text/csv", "text/javascript", "application/javascript", "image/svg+xml", "application/xml"]);
        // The framework's own request lines and activities would cost every request; RequestEntry writes the one access line.
        services.AddLogging(logging => logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None).AddFilter("Microsoft.AspNetCore.Routing", LogLevel.Warning).AddFilter("Microsoft.AspNetCore.Http.Result", LogLevel.Warning));
        services.TryAddSingleton(TimeProvider.System);
        services.AddGatewaySecurity(configuration);
        services.TryAddSingleton<RequestBody>();
        services.AddMetrics();
        services.TryAddSingleton<RequestMetrics>();
        services.TryAddSingleton<RequestHistory>();
        services.TryAddSingleton<MeterBoard>();
        services.TryAddSingleton<ProcessUse>();
        services.AddSingleton<IDependencyHealth, DiskHealth>();
        services.AddSingleton<IDependencyHealth, MemoryHealth>();
        services.TryAddSingleton<NodeMetrics>();
        services.TryAddSingleton<ScrapeToken>();
        services.TryAddSingleton<IdempotentReplies>();
        services.TryAddSingleton<CachedAnswers>();
        services.TryAddSingleton<ServerSettings>();
        services.TryAddSingleton(CreateRoutes);
        services.TryAddSingleton<HealthRoutes>();
        services.TryAddSingleton<PlatformEndpoints>();
        services.TryAddSingleton<AdministrationTrail>();
        services.AddSingleton<IPlatformRoutes>(host => host.GetRequiredService<HealthRoutes>());
        services.AddSingleton<RoutePermissions>();
        services.AddSingleton<IPlatformRoutes, StatusRoutes>();
        services.AddSingleton<IPlatformRoutes, ServiceRoutes>();
        services.AddSingleton<IPlatformRoutes, MetricsRoutes>();
        services.TryAddSingleton<RequestMonitor>();
        services.AddSingleton<IPlatformRoutes, MonitorRoutes>();
        services.AddSingleton<IPlatformRoutes, PerformanceRoutes>();
        services.AddSingleton<IPlatformRoutes, CacheRoutes>();
        services.AddSingleton<IPlatformRoutes, NodeRoutes>();
        services.AddSingleton<RollingCommands>();
        services.AddSingleton<IPlatformRoutes>(provider => provider.GetRequiredService<RollingCommands>());
        services.AddSingleton<IPlatformRoutes, PluginAdministration>();
        services.AddSingleton<IPlatformRoutes, WhyAliveRoutes>();
        services.AddSingleton<IPlatformRoutes, PluginRegistryRoutes>();
        services.AddSingleton<IPlatformRoutes, PluginPreviewRoutes>();
        services.AddSingleton<IPlatformRoutes, PluginMessageRoutes>();
        services.AddSingleton<IPlatformRoutes, PluginPermissionRoutes>();
        services.AddSingleton<IPlatformRoutes, PluginLogRoutes>();
        services.TryAddSingleton<RecentLines>();
        services.AddSingleton<IPlatformRoutes, LogRoutes>();
        services.AddSingleton<IPlatformRoutes, EventRoutes>();
        services.AddSingleton<IPlatformRoutes, EventStreamRoutes>();
        services.AddSingleton<IPlatformRoutes, WebhookRoutes>();
        services.AddSingleton<IPlatformRoutes, TaskRoutes>();
        services.AddSingleton<IPlatformRoutes, TaskMonitorRoutes>();
        services.AddSingleton<IPlatformRoutes, DocumentRoutes>();
        services.AddSingleton<IPlatformRoutes, DataRoutes>();
        services.AddSingleton<IPlatformRoutes, TenantMoveRoutes>();
        services.AddSingleton<IPlatformRoutes, ResourceCatalogRoutes>();
        services.AddSingleton<IPlatformRoutes, SearchRoutes>();
        services.AddSingleton<IPlatformRoutes, DatabaseRoutes>();
        services.AddSingleton<IPluginPorts, MaintenancePort>();
        services.AddSingleton<IPlatformRoutes, DatabaseQueryRoutes>();
        services.AddSingleton<IPlatformRoutes, SettingsRoutes>();
        services.TryAddSingleton<NotificationFeed>();
        services.TryAddSingleton<NotificationMarks>();
        services.TryAddSingleton<NotificationWatch>();
        services.AddSingleton<IPlatformRoutes, NotificationRoutes>();
        services.AddSingleton<IPlatformRoutes, OpenApiRoutes>();
        services.AddSingleton<IPlatformRoutes, ApiVersionRoutes>();
        services.TryAddSingleton<EventSight>();
        services.TryAddSingleton<ChangeFeed>();
        services.TryAddSingleton<RecordFeed>();
        services.AddGraphQL(configuration);
        services.AddGrpc(configuration);
        services.AddTools(configuration);
        services.AddForwarding(configuration);
        services.AddLive(configuration);
        return services;
    }

    /// <summary>Logs to standard output: JSON lines, or text for people in development. <c>logging.format</c> (<c>json</c>, <c>text</c>) decides otherwise.</summary>
    public static ILoggingBuilder AddNexusLogging(this ILoggingBuilder logging, IConfiguration configuration, IHostEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(logging);
        ArgumentNullException.ThrowIfNull(configuration);
        logging.Services.TryAddSingleton<RecentLines>();
        var format = configuration["logging:format"] ?? (environment.IsDevelopment() ? "text" : "json");
        logging.Services.AddSingleton<ILoggerProvider>(host => new LineLogging(Console.OpenStandardOutput(), host.GetRequiredService<RecentLines>(), TimeProvider.System, format == "json", configuration["logging:service"] ?? "nexus"));
        logging.Services.AddSingleton(_ => new LogSinks(TimeProvider.System));
        logging.Services.AddSingleton<ILogSinks>(host => host.GetRequiredService<LogSinks>());
        logging.Services.AddSingleton<ILoggerProvider>(host => host.GetRequiredService<LogSinks>());
        // What the forwarder says of each request and each failed try, the gateway says in a line of its own.
        return logging.AddFilter("Yarp.ReverseProxy", LogLevel.Error);
    }

    /// <summary>Builds the pipeline and maps everything the gateway serves.</summary>
    public static WebApplication UseNexusGateway(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        // From the first plugin on, not from the first look at the metrics.
        app.Services.GetRequiredService<MeterBoard>();
        app.UseMiddleware<RequestEntry>();
        app.UseMiddleware<AddressStage>();
        app.Use(app.Services.GetRequiredService<RequestLimits>().CountAddress);
        app.UseMiddleware<HostFilter>();
        app.UseMiddleware<HttpsStage>();
        app.UseMiddleware<RequestRulesStage>();
        app.UseMiddleware<AuthenticationStage>();
        app.Use(app.Services.GetRequiredService<RequestLimits>().CountCaller);
        app.UseResponseCompression();
        app.UseWebSocketsWhereAsked();
        app.UseMiddleware<ApiVersions>();
        app.UseMiddleware<Rerouting>();
        app.Use(MethodAnswers.AnswerAsync);
        app.UseRouting();
        var sources = ((IEndpointRouteBuilder)app).DataSources;
        sources.Add(app.Services.GetRequiredService<PlatformEndpoints>());
        // A worker runs plugins for their tasks only.
        if (app.Configuration.GetSection("node:roles").Get<string[]>() is not (["worker"] or ["gateway"]))
            sources.Add(app.Services.GetRequiredService<PluginRoutes>());
        app.UseMiddleware<LazyActivation>();
        app.UseMiddleware<ForwardingStage>();
        app.UseMiddleware<AuthorizationStage>();
        app.UseMiddleware<SignInWatchStage>();
        app.UseEndpoints(static _ => { });
        return app;
    }

    private static PluginRoutes CreateRoutes(IServiceProvider host)
    {
        var settings = host.GetRequiredService<ServerSettings>();
        var loggers = host.GetRequiredService<ILoggerFactory>();
        var log = loggers.CreateLogger("Nexus.Gateway");
        var scopes = new ScopeParts(settings, log);
        var configuration = host.GetRequiredService<IConfiguration>();
        var bodies = host.GetRequiredService<RequestBody>();
        PluginRoutes? routes = null;
        MiddlewareLink[] Chain() => routes?.Chain ?? [];
        var call = new PluginCallParts(bodies, host.GetRequiredService<IdempotentReplies>(), host.GetRequiredService<RouteLimits>(), Chain, scopes, log) { Answers = host.GetRequiredService<CachedAnswers>(), IsOn = name => bool.TryParse(configuration[$"custom:features:{name}"], out var on) && on };
        var resource = new ResourceParts(host.GetRequiredService<IResourceOperations>(), bodies, settings.Current.HiddenFields, Chain, scopes, host.GetRequiredService<CachedAnswers>()) { Attachments = host.GetRequiredService<IAttachmentOperations> };
        return routes = new PluginRoutes(host.GetRequiredService<IPlugins>(), host.GetRequiredService<RequestMetrics>(), loggers, new PluginRouteParts(call, (plugin, descriptor) => new ResourceRoutes(plugin, descriptor, resource)));
    }
}
