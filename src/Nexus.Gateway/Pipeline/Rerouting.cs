using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Errors;

namespace Nexus.Gateway.Pipeline;

/// <summary>
/// Stands before routing. A request that was matched to a generation which began to drain meanwhile is routed again on the
/// new snapshot; without it, requests that await between routing and endpoint fail in a swap.
/// </summary>
internal sealed class Rerouting(RequestDelegate next)
{
    private const int MaxTries = 12;

    public Task InvokeAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        BeginRouting(request);
        var routed = next(context);
        if (routed.IsCompletedSuccessfully && !request.Refused)
        {
            Forget(context);
            return Task.CompletedTask;
        }
        return AwaitAsync(context, request, routed);
    }

    private static void BeginRouting(GatewayRequest request)
    {
        if (request.Span is not null)
            request.Routing = NexusTracing.Start(NexusTracing.Routing);
    }

    private async Task AwaitAsync(HttpContext context, GatewayRequest request, Task routed)
    {
        await routed;
        for (var tries = 1; request.Refused; tries++)
        {
            if (tries == MaxTries)
            {
                context.Response.Headers.RetryAfter = "1";
                await Problem.WriteAsync(context, ErrorCodes.ServiceUnavailable, $"The plugin that answers {context.Request.Path} is being replaced or stopped.");
                break;
            }
            // The new snapshot is normally there already; the growing wait covers a plugin that stops while its routes are still being withdrawn.
            if (tries > 1)
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(1 << tries, 250)), context.RequestAborted);
            request.Unmatched();
            BeginRouting(request);
            Forget(context);
            await next(context);
        }
        Forget(context);
    }

    /// <summary>HTTP/2 streams keep their features until they are used again; an endpoint left there would keep its generation alive.</summary>
    private static void Forget(HttpContext context)
    {
        context.SetEndpoint(null);
        context.Request.RouteValues.Clear();
    }
}
