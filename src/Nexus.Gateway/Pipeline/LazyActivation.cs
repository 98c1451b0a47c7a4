using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Security.Callers;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Pipeline;

/// <summary>
/// Stands after routing. A path that matches nothing but belongs to a lazy plugin brings it up and is routed again. Its routes are not known before that,
/// so what can be asked is whether anybody is signed in: strangers wake only plugins whose manifest has the tag <c>public</c>.
/// </summary>
internal sealed class LazyActivation(RequestDelegate next, IPlugins plugins, ActiveIdentity identity, Refusals refusals, IServiceProvider host)
{
    private const string Public = "public";
    private readonly IPluginActivation? activation = host.GetService<IPluginActivation>();

    public Task InvokeAsync(HttpContext context) =>
        activation is null || context.GetEndpoint() is not null || plugins.Current.Inactive.IsEmpty ? next(context) : ActivateAsync(context);

    private async Task ActivateAsync(HttpContext context)
    {
        var path = context.Request.Path;
        var sought = plugins.Current.Inactive.FirstOrDefault(manifest => path.StartsWithSegments(manifest.RoutePrefix, StringComparison.OrdinalIgnoreCase));
        var request = GatewayRequest.Of(context);
        if (sought is not null && ReferenceEquals(request.Context.Caller, Caller.Anonymous) && identity.WasEverActive && !sought.Tags.Contains(Public))
            await refusals.RefuseAsync(context, ErrorCodes.AuthenticationRequired, "auth.access.denied", request.Refusal ?? "This needs a sign-in.");
        else if (sought is not null && await activation!.ActivateAsync(path.Value!, context.RequestAborted))
            request.Refused = true;
        else
            await next(context);
    }
}
