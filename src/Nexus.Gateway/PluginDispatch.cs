using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway;

/// <summary>The gateway's core without its other stages.</summary>
internal static class PluginDispatch
{
    /// <summary>Maps the routes of plugins alone: routing, re-routing in a swap, lease and scope. No host filter, caller, metrics, compression, problem details or platform routes: for measurements and for hosts that bring their own.</summary>
    public static WebApplication UseNexusDispatch(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        var services = app.Services.GetRequiredService<IServiceScopeFactory>();
        app.Use((context, next) =>
        {
            RequestView.Begin(context, new GatewayRequest(context), services);
            return next(context);
        });
        app.UseMiddleware<Rerouting>();
        app.UseRouting();
        ((IEndpointRouteBuilder)app).DataSources.Add(app.Services.GetRequiredService<PluginRoutes>());
        app.UseEndpoints(static _ => { });
        return app;
    }

    /// <summary>Maps all routes behind every stage but those of security, each caller being the local administrator: the baseline of what security costs. Never in a host that serves anybody.</summary>
    public static WebApplication UseNexusWithoutSecurity(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseMiddleware<RequestEntry>();
        app.Use(static (context, next) =>
        {
            GatewayRequest.Of(context).Become(LocalAdministrator.Caller, CallContext.DefaultTenant);
            return next(context);
        });
        app.UseResponseCompression();
        app.UseWebSocketsWhereAsked();
        app.UseMiddleware<Rerouting>();
        app.Use(MethodAnswers.AnswerAsync);
        app.UseRouting();
        var sources = ((IEndpointRouteBuilder)app).DataSources;
        sources.Add(app.Services.GetRequiredService<PlatformEndpoints>());
        sources.Add(app.Services.GetRequiredService<PluginRoutes>());
        app.UseMiddleware<LazyActivation>();
        app.UseEndpoints(static _ => { });
        return app;
    }
}
