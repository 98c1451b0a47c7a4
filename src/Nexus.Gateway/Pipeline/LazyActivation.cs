using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Security.Callers;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Pipeline;

/// <summary>
/// Stands after routing. A path that matches nothing but belongs to a lazy plugin brings it up and is routed again. Strangers wake only plugins whose manifest
/// has the tag <c>public</c>; who is signed in wakes none of whose routes it may use none, as far as this version ran before and its routes are known.
/// </summary>
internal sealed class LazyActivation(RequestDelegate next, IPlugins plugins, ActiveIdentity identity, Refusals refusals, RoutePermissions permissions, RequestMetrics metrics, IServiceProvider host)
{
    private const string Public = "public";
    private readonly IPluginActivation? activation = host.GetService<IPluginActivation>();

    public Task InvokeAsync(HttpContext context) =>
        activation is null || context.GetEndpoint() is not null || plugins.Current.Inactive.IsEmpty ? next(context) : ActivateAsync(context);

    private async Task ActivateAsync(HttpContext context)
    {
        var path = context.Request.Path;
        if (plugins.Current.Inactive.FirstOrDefault(manifest => path.StartsWithSegments(manifest.RoutePrefix, StringComparison.OrdinalIgnoreCase)) is not { } sought)
        {
            await next(context);
            return;
        }

        var request = GatewayRequest.Of(context);
        var isStranger = ReferenceEquals(request.Context.Caller, Caller.Anonymous);
        if (isStranger && identity.WasEverActive && !sought.Tags.Contains(Public))
        {
            await refusals.RefuseAsync(context, ErrorCodes.AuthenticationRequired, "auth.access.denied", request.Refusal ?? "This needs a sign-in.");
        }
        else if (!isStranger && await permissions.MissingAsync(sought, request.Context, context.RequestAborted) is { } missing)
        {
            await refusals.RefuseAsync(context, ErrorCodes.PermissionDenied, "auth.access.denied", $"{request.Context.Caller.Name} lacks every permission that {sought.Name} asks for, such as {missing}.");
        }
        else if (await activation!.ActivateAsync(path.Value!, context.RequestAborted))
        {
            metrics.CountLazyLoad(sought.Name);
            await permissions.RememberAsync(sought, context.RequestAborted);
            request.Refused = true;
        }
        else
        {
            await next(context);
        }
    }
}
