using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Platform;

/// <summary>The last word of a stream of server-sent events whose caller's credentials ended; nothing when it ended otherwise.</summary>
internal static class StreamEnd
{
    public static async Task SendAsync(HttpContext context, OpenCaller caller)
    {
        if (!caller.Ended.IsCancellationRequested || context.RequestAborted.IsCancellationRequested)
            return;
        await context.Response.WriteAsync($"event: error\ndata: {{\"code\":\"{ErrorCodes.AuthenticationRequired}\"}}\n\n", context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }
}
