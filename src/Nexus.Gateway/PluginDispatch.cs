using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway;

/// <summary>The gateway's core without its other stages.</summary>
internal static class PluginDispatch
{
    /// <summary>Maps the routes of plugins alone: routing, re-routing in a swap, lease and scope. No host filter, caller, metrics, compression, problem details or platform routes: for measurements and for hosts that bring their own.</summary>
    public static WebApplication UseNexusDispatch(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.Use(static (context, next) =>
        {
            context.Features.Set(new GatewayRequest(context.TraceIdentifier));
            return next(context);
        });
        app.UseMiddleware<Rerouting>();
        app.UseRouting();
        ((IEndpointRouteBuilder)app).DataSources.Add(app.Services.GetRequiredService<PluginRoutes>());
        app.UseEndpoints(static _ => { });
        return app;
    }
}
