using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Platform;

/// <summary>The last word of a stream of server-sent events whose caller's credentials ended; nothing when it ended otherwise.</summary>
internal static class StreamEnd
{
    public static async Task SendAsync(HttpContext context, OpenCaller caller)
    {
        if (!caller.Ended.IsCancellationRequested || context.RequestAborted.IsCancellationRequested)
            return;
        await context.Response.WriteAsync(Error(context, ErrorCodes.AuthenticationRequired), context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    /// <summary>The event of an error. The id of a request has no character that JSON would escape.</summary>
    public static string Error(HttpContext context, string code) => $"event: error\ndata: {{\"code\":\"{code}\",\"requestId\":\"{GatewayRequest.Of(context).Id}\"}}\n\n";
}
