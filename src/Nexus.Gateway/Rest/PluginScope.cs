using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Rest;

/// <summary>
/// What a plugin's code sees of the request: its own service scope, and an abort signal that also fires when its generation
/// is replaced. Both are made when first asked for. Everything is dropped by <see cref="LeaveAsync"/>, because contexts are pooled.
/// </summary>
internal sealed class PluginScope : IServiceProvidersFeature, IHttpRequestLifetimeFeature, IAfterResponse
{
    private static readonly TimeSpan SocketGrace = TimeSpan.FromSeconds(1);
    private readonly HttpContext context;
    private readonly IServiceProvidersFeature? outerServices;
    private readonly IHttpRequestLifetimeFeature? outerLifetime;
    private readonly ScopeParts parts;
    private IGeneration? lease;
    private AsyncServiceScope? scope;
    private IServiceProvider? services;
    private CancellationTokenSource? aborted;
    private CancellationTokenRegistration draining;
    private CancellationTokenRegistration aborting;
    private CancellationToken? replaced;
    private ITimer? limit;
    private PluginSocket? socket;

    private PluginScope(HttpContext context, IGeneration lease, ScopeParts parts)
    {
        this.context = context;
        this.lease = lease;
        this.parts = parts;
        outerServices = context.Features.Get<IServiceProvidersFeature>();
        outerLifetime = context.Features.Get<IHttpRequestLifetimeFeature>();
    }

    /// <summary>Shows a plugin's view of the request to the code that follows. The caller holds the lease.</summary>
    public static PluginScope Enter(HttpContext context, IGeneration lease, ScopeParts parts)
    {
        var scope = new PluginScope(context, lease, parts);
        scope.Show();
        return scope;
    }

    /// <summary>Whether <see cref="LeaveAsync"/> has nothing to wait for.</summary>
    public bool LeavesAtOnce => scope is null;

    IServiceProvider IServiceProvidersFeature.RequestServices
    {
        get => services ??= OpenScope();
        set => services = value;
    }

    CancellationToken IHttpRequestLifetimeFeature.RequestAborted
    {
        get => replaced ?? (aborted ??= Link()).Token;
        set => replaced = value;
    }

    /// <summary>Takes a lease of its own, so that a swap waits for the work as for a request.</summary>
    void IAfterResponse.Add(Func<IServiceProvider, CancellationToken, Task> work)
    {
        if (lease is not { } holder || !holder.TryEnter())
            throw new NexusException(ErrorCodes.ServiceUnavailable, "The plugin is being replaced or stopped; it takes no more work.");
        var call = CallContext.Current;
        var log = parts.Log;
        // Not awaited: the connection's next request does not wait for it.
        context.Response.OnCompleted(() =>
        {
            _ = Task.Run(() => RunAfterAsync(holder, work, call, log));
            return Task.CompletedTask;
        });
    }

    void IHttpRequestLifetimeFeature.Abort() => outerLifetime?.Abort();

    /// <summary>Makes this the view of the request again, after another plugin's middleware had it.</summary>
    public void Show()
    {
        context.Features.Set<IServiceProvidersFeature>(this);
        context.Features.Set<IAfterResponse>(this);
        if (context.Request.Headers.Upgrade.Count > 0 || HttpMethods.IsConnect(context.Request.Method))
            ShowSocket();
        if (outerLifetime is not null)
            context.Features.Set<IHttpRequestLifetimeFeature>(this);
    }

    private void ShowSocket()
    {
        if (context.Features.Get<IHttpWebSocketFeature>() is not { IsWebSocketRequest: true } feature)
            return;
        socket ??= new PluginSocket(feature);
        context.Features.Set<IHttpWebSocketFeature>(socket);
        // The link is what ends the socket in a swap, also when the handler never asks for RequestAborted.
        aborted ??= Link();
    }

    /// <summary>Gives the request back to the host and disposes what was made.</summary>
    public ValueTask LeaveAsync()
    {
        Leave();
        if (scope is not { } opened)
            return ValueTask.CompletedTask;
        scope = null;
        return opened.DisposeAsync();
    }

    /// <summary>The part of <see cref="LeaveAsync"/> that never waits; enough when <see cref="LeavesAtOnce"/>.</summary>
    public void Leave()
    {
        context.Features.Set(outerServices);
        context.Features.Set<IAfterResponse>(null);
        if (socket is not null)
            context.Features.Set(socket.Outer);
        if (outerLifetime is not null)
            context.Features.Set(outerLifetime);
        draining.Dispose();
        aborting.Dispose();
        limit?.Dispose();
        aborted?.Dispose();
        lease = null;
        services = null;
        replaced = null;
    }

    private static async Task RunAfterAsync(IGeneration holder, Func<IServiceProvider, CancellationToken, Task> work, CallContext call, ILogger log)
    {
        try
        {
            CallContext.Current = call;
            await using var own = holder.Services.CreateAsyncScope();
            await work(own.ServiceProvider, holder.Aborting);
        }
        catch (Exception exception)
        {
            // As text: a log sink that kept the exception would keep the plugin's code with it.
            log.LogError("Work after the answer to {RequestId} failed: {Error}", call.CorrelationId, exception.ToString());
        }
        finally
        {
            holder.Exit();
        }
    }

    private IServiceProvider OpenScope()
    {
        var holder = lease ?? throw new ObjectDisposedException(nameof(HttpContext), "The request has ended; its services cannot be used any more.");
        scope = holder.Services.CreateAsyncScope();
        return scope.Value.ServiceProvider;
    }

    private CancellationTokenSource Link()
    {
        var source = outerLifetime is null ? new CancellationTokenSource() : CancellationTokenSource.CreateLinkedTokenSource(outerLifetime.RequestAborted);
        if (lease is not { } holder)
            return source;
        // Before the registrations: a token that fired already calls back at once.
        aborted = source;
        if (!context.WebSockets.IsWebSocketRequest)
            limit = TimeProvider.System.CreateTimer(static state => ((PluginScope)state!).EndSlow(), this, TimeSpan.FromSeconds(parts.Settings.Current.Limits.RequestSeconds), Timeout.InfiniteTimeSpan);
        draining = holder.Stopping.UnsafeRegister(static state => ((PluginScope)state!).EndStream(), this);
        aborting = holder.Aborting.UnsafeRegister(static state => ((PluginScope)state!).Cancel(), this);
        return source;
    }

    /// <summary>A stream would never end by itself, so it ends when the drain begins; other requests go on until the drain limit.</summary>
    private void EndStream()
    {
        if (socket is not null)
            _ = EndSocketAsync(socket);
        else if (IsStream(context))
            Cancel();
    }

    /// <summary>A close frame, a moment for the handler to see the client's own, then the abort.</summary>
    private async Task EndSocketAsync(PluginSocket open)
    {
        await open.EndAsync();
        await Task.Delay(SocketGrace);
        Cancel();
    }

    /// <summary>A handler that has begun to answer (a stream, a large download) is at work; one that has not is given up.</summary>
    private void EndSlow()
    {
        if (!context.Response.HasStarted)
            Cancel();
    }

    private void Cancel()
    {
        try
        {
            aborted?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The request ended in the same moment.
        }
    }

    private static bool IsStream(HttpContext context) =>
        context.WebSockets.IsWebSocketRequest || context.Response.ContentType?.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase) == true;
}

/// <summary>What scopes need of the gateway.</summary>
/// <param name="Settings">For the time after which a request that has not begun to answer is told to stop.</param>
/// <param name="Log">For work after answers.</param>
internal sealed record ScopeParts(ServerSettings Settings, ILogger Log);
