using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Rest;

/// <summary>
/// What a plugin's code sees of the request: its own service scope, and an abort signal that also fires when its generation
/// is replaced. Both are made when first asked for. Everything is dropped by <see cref="LeaveAsync"/>, because contexts are pooled.
/// </summary>
internal sealed class PluginScope
{
    private readonly RequestView view;
    private readonly PluginScope? outer;
    private readonly ScopeParts parts;
    private IGeneration? lease;
    private Made? made;

    private PluginScope(RequestView view, IGeneration lease, ScopeParts parts)
    {
        this.view = view;
        this.lease = lease;
        this.parts = parts;
        outer = view.Show(this);
        if (SocketStage.IsAsked(view.Context))
            ShowSocket(view.Context);
    }

    /// <summary>Shows a plugin's view of the request to the code that follows. The caller holds the lease.</summary>
    public static PluginScope Enter(HttpContext context, IGeneration lease, ScopeParts parts) => new(RequestView.Of(context), lease, parts);

    /// <summary>Whether <see cref="LeaveAsync"/> has nothing to wait for.</summary>
    public bool LeavesAtOnce => made?.Scope is null;

    /// <summary>The plugin's services of this request.</summary>
    public IServiceProvider Services
    {
        get => made?.Services ?? (Make().Services = OpenScope(Make()));
        set => Make().Services = value;
    }

    /// <summary>Fires when the plugin's code has to end.</summary>
    public CancellationToken Aborted
    {
        get => made?.Replaced ?? (Make().Abort ??= Link()).Token;
        set => Make().Replaced = value;
    }

    /// <summary>Adds work for after the answer. It takes a lease of its own, so that a swap waits for it as for a request.</summary>
    public void AddAfter(Func<IServiceProvider, CancellationToken, Task> work)
    {
        if (lease is not { } holder || !holder.TryEnter())
            throw new NexusException(ErrorCodes.ServiceUnavailable, "The plugin is being replaced or stopped; it takes no more work.");
        var call = CallContext.Current;
        var log = parts.Log;
        // Not awaited: the connection's next request does not wait for it.
        view.Context.Response.OnCompleted(() =>
        {
            _ = Task.Run(() => RunAfterAsync(holder, work, call, log));
            return Task.CompletedTask;
        });
    }

    /// <summary>Gives the request back to the host and disposes what was made.</summary>
    public ValueTask LeaveAsync()
    {
        Leave();
        if (made?.Scope is not { } opened)
            return ValueTask.CompletedTask;
        made.Scope = null;
        return opened.DisposeAsync();
    }

    /// <summary>The part of <see cref="LeaveAsync"/> that never waits; enough when <see cref="LeavesAtOnce"/>.</summary>
    public void Leave()
    {
        view.Show(outer);
        lease = null;
        if (made is null)
            return;
        if (made.Socket is { } socket)
            view.Context.Features.Set(socket.Outer);
        made.Abort?.Dispose();
        made.Services = null;
        made.Replaced = null;
    }

    private void ShowSocket(HttpContext context)
    {
        if (context.Features.Get<IHttpWebSocketFeature>() is not { IsWebSocketRequest: true } feature)
            return;
        Make().Socket = new PluginSocket(feature);
        context.Features.Set<IHttpWebSocketFeature>(Make().Socket);
        // The link is what ends the socket in a swap, also when the handler never asks for RequestAborted.
        Make().Abort = Link();
    }

    private Made Make() => made ??= new Made();

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

    private IServiceProvider OpenScope(Made kept)
    {
        var holder = lease ?? throw new ObjectDisposedException(nameof(HttpContext), "The request has ended; its services cannot be used any more.");
        var opened = holder.Services.CreateAsyncScope();
        kept.Scope = opened;
        return opened.ServiceProvider;
    }

    private PluginAbort Link() =>
        new(view.Context, lease, TimeSpan.FromSeconds(parts.Settings.Current.Limits.RequestSeconds), made?.Socket, view.Lifetime?.RequestAborted ?? CancellationToken.None);

    /// <summary>What was asked for; most requests ask for none of it.</summary>
    private sealed class Made
    {
        public IAsyncDisposable? Scope { get; set; }

        public IServiceProvider? Services { get; set; }

        public PluginAbort? Abort { get; set; }

        public CancellationToken? Replaced { get; set; }

        public PluginSocket? Socket { get; set; }
    }
}

/// <summary>What scopes need of the gateway.</summary>
/// <param name="Settings">For the time after which a request that has not begun to answer is told to stop.</param>
/// <param name="Log">For work after answers.</param>
internal sealed record ScopeParts(ServerSettings Settings, ILogger Log);
