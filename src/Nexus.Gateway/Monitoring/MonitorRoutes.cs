using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Monitoring;

/// <summary><c>/monitor</c>: the requests of this node as they happen, as server-sent events <c>started</c>, <c>finished</c> and, for who reads too slowly, <c>lost</c>.</summary>
internal sealed class MonitorRoutes(RequestMonitor monitor, OpenCallers callers, IHostApplicationLifetime lifetime, TimeProvider time) : IPlatformRoutes
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/monitor", "watchRequests", "Requests of this node as they start and finish", ScrapeToken.Permission, WatchAsync) { Quiet = true, Streams = true },
    ];

    private async Task WatchAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        using var caller = callers.Open(context);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping, caller.Ended);
        using var watch = monitor.Watch();
        try
        {
            await FollowAsync(context.Response, watch, ends.Token);
        }
        catch (OperationCanceledException)
        {
            // Who watched left, the node stops or the credentials ended: all are how a stream ends.
        }

        await StreamEnd.SendAsync(context, caller);
    }

    private async Task FollowAsync(HttpResponse response, RequestWatch watch, CancellationToken ends)
    {
        await response.WriteAsync(": watching\n\n", ends);
        await response.Body.FlushAsync(ends);
        var arrival = watch.Events.WaitToReadAsync(ends).AsTask();
        while (true)
        {
            try
            {
                await arrival.WaitAsync(Heartbeat, time, ends);
                for (var i = 0; i < RequestWatch.Capacity && watch.Events.TryRead(out var line); i++)
                    await response.Body.WriteAsync(line, ends);
                // Those that waited were before those that found no place.
                if (watch.TakeLost() is > 0 and var lost)
                    await response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"event: lost\ndata: {{\"count\":{lost}}}\n\n"), Encoding.UTF8, ends);
                arrival = watch.Events.WaitToReadAsync(ends).AsTask();
            }
            catch (TimeoutException)
            {
                await response.WriteAsync(": alive\n\n", ends);
            }

            await response.Body.FlushAsync(ends);
        }
    }
}
