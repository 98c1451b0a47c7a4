using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Rest;

/// <summary>
/// The services and the lifetime of one request, as whoever runs now sees them: those of the host, or of the plugin whose code was entered.
/// Put on the context once, because each change of its features makes the framework look all of them up again; entering and leaving a plugin
/// changes two fields. Holds nothing of a plugin after it was left: HTTP/2 streams keep their features until they are used again.
/// </summary>
internal sealed class RequestView : IServiceProvidersFeature, IHttpRequestLifetimeFeature, IAfterResponse
{
    private readonly HttpContext context;
    private readonly IServiceScopeFactory services;
    private readonly IHttpRequestLifetimeFeature? lifetime;
    private RequestServicesFeature? own;
    private IServiceProvider? given;
    private PluginScope? scope;

    private RequestView(HttpContext context, GatewayRequest request, IServiceScopeFactory services)
    {
        this.context = context;
        this.services = services;
        Request = request;
        lifetime = (IHttpRequestLifetimeFeature?)context.Features[typeof(IHttpRequestLifetimeFeature)];
    }

    /// <summary>The request's context.</summary>
    public HttpContext Context => context;

    /// <summary>What the gateway knows of the request.</summary>
    public GatewayRequest Request { get; }

    /// <summary>The transport's own lifetime, or null where it has none.</summary>
    public IHttpRequestLifetimeFeature? Lifetime => lifetime;

    IServiceProvider IServiceProvidersFeature.RequestServices
    {
        get => scope is { } entered ? entered.Services : given ?? (own ??= new RequestServicesFeature(context, services)).RequestServices;
        set
        {
            if (scope is { } entered)
                entered.Services = value;
            else
                given = value;
        }
    }

    CancellationToken IHttpRequestLifetimeFeature.RequestAborted
    {
        get => scope is { } entered ? entered.Aborted : lifetime?.RequestAborted ?? CancellationToken.None;
        set
        {
            if (scope is { } entered)
                entered.Aborted = value;
            else if (lifetime is not null)
                lifetime.RequestAborted = value;
        }
    }

    /// <summary>Puts a view on a context that has just come in.</summary>
    public static RequestView Begin(HttpContext context, GatewayRequest request, IServiceScopeFactory services)
    {
        var view = new RequestView(context, request, services);
        context.Features.Set<IServiceProvidersFeature>(view);
        context.Features.Set<IHttpRequestLifetimeFeature>(view);
        return view;
    }

    /// <summary>A scope of the host's services, whoever runs now.</summary>
    public AsyncServiceScope OpenHost() => services.CreateAsyncScope();

    /// <summary>The view of a context. The indexer and not <c>Get</c>: a generic method of an interface is looked up in a table at each call.</summary>
    public static RequestView Of(HttpContext context) =>
        context.Features[typeof(IServiceProvidersFeature)] as RequestView ?? Hidden(context);

    /// <summary>Shows what a plugin's code sees, or with null what the host does, also where somebody put features of their own on the context.</summary>
    /// <returns>Whose view it was before.</returns>
    public PluginScope? Show(PluginScope? next)
    {
        var before = scope;
        scope = next;
        if (!ReferenceEquals(context.Features[typeof(IServiceProvidersFeature)], this))
            context.Features.Set<IServiceProvidersFeature>(this);
        if (!ReferenceEquals(context.Features[typeof(IHttpRequestLifetimeFeature)], this))
            context.Features.Set<IHttpRequestLifetimeFeature>(this);
        return before;
    }

    /// <summary>Middleware may have put services of its own on the context.</summary>
    private static RequestView Hidden(HttpContext context) =>
        context.Features[typeof(IHttpRequestLifetimeFeature)] as RequestView ?? throw new InvalidOperationException("The request did not pass the gateway's entry.");

    void IHttpRequestLifetimeFeature.Abort() => lifetime?.Abort();

    void IAfterResponse.Add(Func<IServiceProvider, CancellationToken, Task> work) =>
        (scope ?? throw new InvalidOperationException("Only the handler of a plugin's request can leave work for after the answer.")).AddAfter(work);
}
