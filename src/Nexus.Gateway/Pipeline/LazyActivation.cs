using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Pipeline;

/// <summary>Stands after routing. A path that matches nothing but belongs to a lazy plugin brings it up and is routed again.</summary>
internal sealed class LazyActivation(RequestDelegate next, IPlugins plugins, IServiceProvider host)
{
    private readonly IPluginActivation? activation = host.GetService<IPluginActivation>();

    public Task InvokeAsync(HttpContext context) =>
        activation is null || context.GetEndpoint() is not null || plugins.Current.Inactive.IsEmpty ? next(context) : ActivateAsync(context);

    private async Task ActivateAsync(HttpContext context)
    {
        var path = context.Request.Path;
        var lies = plugins.Current.Inactive.Any(manifest => path.StartsWithSegments(manifest.RoutePrefix, StringComparison.OrdinalIgnoreCase));
        if (lies && await activation!.ActivateAsync(path.Value!, context.RequestAborted))
            GatewayRequest.Of(context).Refused = true;
        else
            await next(context);
    }
}
