using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Caching;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Security.Limits;

namespace Nexus.Gateway.Rest;

/// <summary>
/// Calls one handler of a plugin.
/// 1. Count against the route's rate limit and read and check the body, before any lease is held. 2. Take the lease, and those of all middleware;
/// one refusal routes the request again. 3. Show the plugin its own services. 4. Run. 5. Answer failures while the lease still holds,
/// so that no exception of the plugin's types goes further. 6. Drop every reference and return the lease.
/// </summary>
internal sealed class PluginCall(ActivePlugin plugin, RequestDelegate handler, RouteFacts route, PluginCallParts parts)
{
    public Task InvokeAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        request.Matched(route, context);
        if (route.Feature is { } feature && !parts.IsOn(feature))
            return Problem.WriteAsync(context, ErrorCodes.RouteNotFound, $"Nothing is served at {context.Request.Path}.");
        if (route.RateLimit is not null || RequestBody.Exists(context) || RequestBody.IsExpected(context.Request.Method))
            return PrepareAndRunAsync(context, request);
        return Run(context, request);
    }

    private async Task PrepareAndRunAsync(HttpContext context, GatewayRequest request)
    {
        if (route.RateLimit is { } limit && parts.Limits.Refuse(context, request, route, limit) is { } refused)
        {
            await refused;
            return;
        }
        await parts.Bodies.CheckAsync(context, request);
        if (parts.Replies.KeyOf(context) is { } key)
            await parts.Replies.RunAsync(context, request, key, Run);
        else
            await Run(context, request);
    }

    private Task Run(HttpContext context, GatewayRequest request) => request.Span is null ? RunOnce(context, request) : RunInSpanAsync(context, request);

    private async Task RunInSpanAsync(HttpContext context, GatewayRequest request)
    {
        using var span = NexusTracing.Start(NexusTracing.Plugin);
        span?.SetTag("nexus.plugin", route.Plugin).SetTag("http.route", route.Pattern);
        await RunOnce(context, request);
    }

    private Task RunOnce(HttpContext context, GatewayRequest request)
    {
        var lease = plugin.Lease;
        if (!lease.TryEnter())
        {
            request.Refused = true;
            return Task.CompletedTask;
        }
        var chain = parts.Chain();
        // A cached answer stands behind the middleware of plugins, which may refuse the request.
        if (chain.Length > 0 || CachedAnswers.Serves(context, route))
            return RunChainAsync(chain, lease, context, request);

        var scope = PluginScope.Enter(context, lease, parts.Scopes);
        Task call;
        try
        {
            call = handler(context);
        }
        catch (Exception exception)
        {
            call = Task.FromException(exception);
        }
        if (!call.IsCompleted)
            route.Counters.Await();
        if (!call.IsCompletedSuccessfully || !scope.LeavesAtOnce)
            return EndAsync(call, scope, lease, context);
        scope.Leave();
        lease.Exit();
        return Task.CompletedTask;
    }

    private async Task EndAsync(Task call, PluginScope scope, IGeneration lease, HttpContext context)
    {
        try
        {
            await call;
        }
        catch (Exception exception)
        {
            // First the host's own abort signal again: it alone tells whether the caller is still there.
            scope.Leave();
            await AnswerAsync(context, exception, lease);
        }
        finally
        {
            try
            {
                await scope.LeaveAsync();
            }
            catch (Exception exception)
            {
                parts.Log.LogError(exception, "A service of {Plugin} failed to dispose", route.Plugin);
            }
            lease.Exit();
        }
    }

    private async Task RunChainAsync(MiddlewareLink[] chain, IGeneration lease, HttpContext context, GatewayRequest request)
    {
        try
        {
            if (await MiddlewareChain.TryRunAsync(chain, context, parts.Scopes, () => RunHandlerAsync(lease, context)))
                return;
            request.Refused = true;
        }
        catch (Exception exception)
        {
            await AnswerAsync(context, exception, lease);
        }
        finally
        {
            lease.Exit();
        }
    }

    private Task RunHandlerAsync(IGeneration lease, HttpContext context) =>
        CachedAnswers.Serves(context, route) ? parts.Answers.RunAsync(context, route, () => RunScopedAsync(lease, context)) : RunScopedAsync(lease, context);

    private async Task RunScopedAsync(IGeneration lease, HttpContext context)
    {
        var scope = PluginScope.Enter(context, lease, parts.Scopes);
        try
        {
            await handler(context);
        }
        finally
        {
            await scope.LeaveAsync();
        }
    }

    private Task AnswerAsync(HttpContext context, Exception exception, IGeneration lease)
    {
        if (exception is System.Net.WebSockets.WebSocketException && (lease.Stopping.IsCancellationRequested || context.RequestAborted.IsCancellationRequested))
            return Task.CompletedTask;
        if (exception is not OperationCanceledException || !(lease.Stopping.IsCancellationRequested || lease.Aborting.IsCancellationRequested))
            return Failures.AnswerAsync(context, exception, parts.Log);
        // The drain ended this call: a stream just ends; anything else may be sent again.
        return context.Response.HasStarted ? Task.CompletedTask : Problem.WriteAsync(context, ErrorCodes.ServiceUnavailable, $"{route.Plugin} was replaced or stopped before it had answered.");
    }
}

/// <summary>What every <see cref="PluginCall"/> needs of the gateway.</summary>
internal sealed record PluginCallParts(RequestBody Bodies, IdempotentReplies Replies, RouteLimits Limits, Func<MiddlewareLink[]> Chain, ScopeParts Scopes, ILogger Log)
{
    /// <summary>Whether a feature is on now.</summary>
    public required Func<string, bool> IsOn { get; init; }

    /// <summary>Cached answers.</summary>
    public required CachedAnswers Answers { get; init; }
}
