using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Changes;
using Nexus.Gateway.Notifications;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Live;

/// <summary><c>/live</c>: changes as they happen, as server-sent events or over a WebSocket. Open to anybody as a route, because a socket tells in its first message who it is; every subscription and call asks the policy.</summary>
internal sealed class LiveRoutes(LiveFeed feed, LiveSockets sockets, OpenCallers callers, LiveConnections connections, LiveHost host) : IPlatformRoutes
{
    private const string Path = "/live";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes => !host.Options.CurrentValue.Enabled ? [] :
    [
        new("GET", Path, "followLive", "Changes of records, or events, as server-sent events; a WebSocket where it is asked for", PlatformRoute.Anyone, ServeAsync)
        {
            Streams = true,
            Query =
            [
                ("resource", "the resource, as plugin.name"), ("events", "in place of it: a pattern of event names, such as sales.*"), ("record", "only this record"), ("verbs", "only these: created, updated, deleted, names of actions"),
                ("filter", "only records that match: a filter as of a list"), ("fields", "only these fields"), ("after", "go on after this position; Last-Event-ID does the same"),
            ],
        },
    ];

    private Task ServeAsync(HttpContext context)
    {
        if (GatewayRequest.Of(context).SignedIn is { MustChangePassword: true })
            throw new NexusException(ErrorCodes.PasswordChangeRequired, "The password must be changed first; until then nothing else is served to this caller.");
        return context.WebSockets.IsWebSocketRequest ? sockets.ConverseAsync(context) : StreamAsync(context);
    }

    private async Task StreamAsync(HttpContext context)
    {
        LiveSockets.Unhurry(context);
        using var caller = callers.Open(context);
        if (caller.IsAnonymous)
            throw new NexusException(ErrorCodes.AuthenticationRequired, GatewayRequest.Of(context).Refusal ?? "Live updates need a sign-in.");
        using var place = connections.TryEnter(caller, host.Options.CurrentValue.ConnectionsPerCaller) ?? throw host.TooMany();
        var wish = LiveWish.Read(context.Request.Query);
        if (context.Request.Headers["Last-Event-ID"] is [{ Length: > 0 } last])
            wish = wish with { After = LiveWish.Position(last) };
        using var subscription = await feed.OpenAsync(wish, caller.Context, host.Options.CurrentValue.Queue, context.RequestAborted);
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, host.Stopping, caller.Ended);
        await new LiveStream(context, feed, host).RunAsync(subscription, caller, ends.Token);
    }
}

/// <summary>What live connections need of the host.</summary>
internal sealed class LiveHost(IOptionsMonitor<LiveOptions> options, ServerSettings settings, TimeProvider time, IHostApplicationLifetime lifetime, ILoggerFactory loggers, NotificationWatch notifications)
{
    private readonly ILogger log = loggers.CreateLogger("Nexus.Gateway");

    /// <summary>Section <c>live</c>.</summary>
    public IOptionsMonitor<LiveOptions> Options { get; } = options;

    /// <summary>The host's clock.</summary>
    public TimeProvider Time { get; } = time;

    /// <summary>Fires when the node stops.</summary>
    public CancellationToken Stopping { get; } = lifetime.ApplicationStopping;

    /// <summary>Refuses one connection more than a caller may have.</summary>
    public NexusException TooMany() => new(ErrorCodes.RateLimited, $"A caller has at most {Options.CurrentValue.ConnectionsPerCaller} live connections (live.connectionsPerCaller).");

    /// <summary>The parts of one socket.</summary>
    public LiveParts For(LiveFeed feed, LiveCalls calls, OpenCallers callers, LiveConnections connections, IPAddress? address) =>
        new(feed, calls, callers, connections) { Options = Options, Settings = settings, Time = Time, Log = log, Address = address, Notifications = notifications };
}

/// <summary>What a socket works with.</summary>
internal sealed record LiveParts(LiveFeed Feed, LiveCalls Calls, OpenCallers Callers, LiveConnections Connections)
{
    /// <summary>Section <c>live</c>.</summary>
    public required IOptionsMonitor<LiveOptions> Options { get; init; }

    /// <summary>Section <c>server</c>.</summary>
    public required ServerSettings Settings { get; init; }

    /// <summary>The host's clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Where it logs.</summary>
    public required ILogger Log { get; init; }

    /// <summary>Says when something may concern the caller.</summary>
    public required NotificationWatch Notifications { get; init; }

    /// <summary>Where the socket comes from.</summary>
    public IPAddress? Address { get; init; }
}

/// <summary>One stream of server-sent events: <c>ready</c> first, then each change without a name, at the end <c>overflow</c> or <c>error</c> where there is something to say.</summary>
internal sealed class LiveStream(HttpContext context, LiveFeed feed, LiveHost host)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Sends until the caller leaves, the credentials end or the node stops.</summary>
    public async Task RunAsync(LiveSubscription subscription, OpenCaller caller, CancellationToken ends)
    {
        try
        {
            subscription.Changes.TooSlow = AbandonLater;
            var at = subscription.Changes.StartedAt.ToString(CultureInfo.InvariantCulture);
            await SendAsync($"id: {at}\nevent: ready\nretry: 1000\ndata: {{\"at\":\"{at}\"}}\n\n", ends);
            await FollowAsync(subscription, caller, ends);
        }
        catch (FollowerTooSlowException slow)
        {
            await SendAsync($"event: overflow\ndata: {{\"last\":\"{slow.Last}\"}}\n\n", context.RequestAborted);
        }
        catch (NexusException exception)
        {
            await SendAsync(StreamEnd.Error(context, exception.Code), context.RequestAborted);
        }
        catch (OperationCanceledException) when (caller.Ended.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            await SendAsync(StreamEnd.Error(context, ErrorCodes.AuthenticationRequired), context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            // The caller left, or the node stops: both are how a stream ends.
        }
    }

    private async Task FollowAsync(LiveSubscription subscription, OpenCaller caller, CancellationToken ends)
    {
        var beat = TimeSpan.FromSeconds(host.Options.CurrentValue.HeartbeatSeconds);
        await using var told = subscription.Changes.ReadAsync(ends).GetAsyncEnumerator(ends);
        while (true)
        {
            var next = told.MoveNextAsync().AsTask();
            while (!next.IsCompleted && await Task.WhenAny(next, Task.Delay(beat, host.Time, ends)) != next && !ends.IsCancellationRequested)
                await SendAsync(": alive\n\n", ends);
            if (!await next)
                return;
            await TellAsync(subscription, told.Current, caller.Context, ends);
        }
    }

    /// <summary>In a frame of its own, so that nothing of the last events is held until the next ones.</summary>
    private async Task TellAsync(LiveSubscription subscription, IReadOnlyList<Change> batch, CallContext caller, CancellationToken ends)
    {
        foreach (var one in await feed.DescribeAsync(subscription, batch, caller, ends))
        {
            // Within JSON a line break stands between values only; here it would end the line of data.
            var data = Encoding.UTF8.GetString(one.Json.Span).Replace('\n', ' ').Replace('\r', ' ');
            await SendAsync((one.At is { } at ? $"id: {at}\n" : "") + $"data: {data}\n\n", ends);
        }
    }

    private async Task SendAsync(string text, CancellationToken ends)
    {
        await context.Response.WriteAsync(text, ends);
        await context.Response.Body.FlushAsync(ends);
    }

    private void AbandonLater() => _ = Task.Delay(Patience, host.Time).ContinueWith(_ => context.Abort(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
}
