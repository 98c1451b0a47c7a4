using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>One route of the platform itself.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Pattern">Its pattern.</param>
/// <param name="Name">Its operation id.</param>
/// <param name="Summary">One sentence for people.</param>
/// <param name="Permission">Permission a caller needs; <see cref="Anyone"/> for a public route. There is no default, so that none is open by being forgotten.</param>
/// <param name="Handler">Its handler.</param>
internal sealed record PlatformRoute(string Method, string Pattern, string Name, string Summary, string Permission, RequestDelegate Handler)
{
    /// <summary>In place of a permission: the route is public.</summary>
    public const string Anyone = "*";

    /// <summary>Not in the access log.</summary>
    public bool Quiet { get; init; }

    /// <summary>Left out of the OpenAPI document (pages and files).</summary>
    public bool Hidden { get; init; }

    /// <summary>Its answer goes on for ever, as server-sent events.</summary>
    public bool Streams { get; init; }

    /// <summary>Status of success.</summary>
    public int Success { get; init; } = 200;

    /// <summary>What success answers; null where there is no content, and of streams.</summary>
    public Answer? Answer { get; init; }

    /// <summary>Schema of the request body as JSON text, or null when it takes none.</summary>
    public string? Input { get; init; }

    /// <summary>Name of the file of a form that it also takes in place of <see cref="Input"/>, or null.</summary>
    public string? Upload { get; init; }

    /// <summary>Query parameters with their meaning.</summary>
    public (string Name, string Meaning)[] Query { get; init; } = [];
}

/// <summary>A subject of the platform's own routes.</summary>
internal interface IPlatformRoutes
{
    /// <summary>Its routes.</summary>
    IEnumerable<PlatformRoute> Routes { get; }
}

/// <summary>The endpoint source of the platform's own routes.</summary>
internal sealed class PlatformEndpoints : EndpointDataSource
{
    /// <summary>Makes the endpoints.</summary>
    /// <exception cref="InvalidOperationException">A route says neither which permission it needs nor that it is public; the node does not start.</exception>
    public PlatformEndpoints(IEnumerable<IPlatformRoutes> subjects, RequestMetrics metrics)
    {
        Routes = [.. subjects.SelectMany(s => s.Routes)];
        Endpoints = [.. Routes.Select(route => Build(route, metrics))];
    }

    /// <summary>Every route, for the document and the route table.</summary>
    public IReadOnlyList<PlatformRoute> Routes { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<Endpoint> Endpoints { get; }

    /// <inheritdoc/>
    public override IChangeToken GetChangeToken() => new CancellationChangeToken(CancellationToken.None);

    private Endpoint Build(PlatformRoute route, RequestMetrics metrics)
    {
        if (string.IsNullOrEmpty(route.Permission))
            throw new InvalidOperationException($"The route {route.Method} {route.Pattern} names no permission; one that is for anybody says PlatformRoute.Anyone.");
        var facts = new RouteFacts
        {
            Plugin = "nexus",
            Methods = route.Method == "GET" ? ["GET", "HEAD"] : [route.Method],
            Pattern = route.Pattern,
            Handler = route.Name,
            Permission = route.Permission == PlatformRoute.Anyone ? null : route.Permission,
            Quiet = route.Quiet,
            Counters = metrics.For("nexus", route.Pattern),
        };
        Task Handle(HttpContext context)
        {
            var request = GatewayRequest.Of(context);
            request.Matched(facts, context);
            return route.Handler(context);
        }

        var builder = new RouteEndpointBuilder(Handle, RoutePatternFactory.Parse(route.Pattern), 0) { DisplayName = route.Name };
        builder.Metadata.Add(new HttpMethodMetadata(facts.Methods));
        builder.Metadata.Add(facts);
        return builder.Build();
    }
}
