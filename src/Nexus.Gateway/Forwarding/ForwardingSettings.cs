using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Nexus.Gateway.Forwarding;

/// <summary>Whether and how this node passes requests on.</summary>
internal sealed class ForwardingSettings(IConfiguration configuration, IOptionsMonitor<ForwardingOptions> options)
{
    private static readonly PathString[] Surfaces = ["/graphql", "/live", "/mcp", "/api/v1/tools", "/api/v1/data", "/api/v1/search", "/openapi.json", "/grpc/protos"];

    private readonly string[] roles = configuration.GetSection("node:roles").Get<string[]>() ?? [];

    /// <summary>This node passes on what it has no plugin for: it is a gateway, or runs a part of the plugins.</summary>
    public bool IsOn { get; } = (configuration.GetSection("node:roles").Get<string[]>()?.Contains("gateway") ?? false) || configuration.GetSection("plugins:only").GetChildren().Any();

    /// <summary>It has no plugins of its own, so that the surfaces of all resources are elsewhere too.</summary>
    public bool IsGatewayOnly => roles is ["gateway"];

    /// <summary>Whether a path is passed on whatever happens, so that the node that answers is the one that counts it among what all nodes share.</summary>
    public bool PassesOn(PathString path) =>
        IsSurface(path) || IsGatewayOnly && (path.StartsWithSegments("/api") && !path.StartsWithSegments("/api/v1") || PassedCall.PackageOf(path) is not null);

    /// <summary>Whether a path leads to the resources of all plugins at once, of which a gateway has none; but one that composes subgraphs answers their operations itself.</summary>
    public bool IsSurface(PathString path) => IsGatewayOnly && Array.Exists(Surfaces, s => path.StartsWithSegments(s)) && !(path.StartsWithSegments(Surfaces[0]) && configuration.GetSection("graphql:subgraphs").GetChildren().Any());

    /// <summary>The settings now.</summary>
    public ForwardingOptions Current => options.CurrentValue;

    /// <summary>The rule for a path, or null.</summary>
    public ForwardingRoute? RouteOf(string path) =>
        Current.Routes.Where(r => path.StartsWith(r.Path, StringComparison.OrdinalIgnoreCase) && (path.Length == r.Path.Length || path[r.Path.Length] == '/')).MaxBy(r => r.Path.Length);
}
