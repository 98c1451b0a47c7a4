using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Nexus.Gateway.Forwarding;

/// <summary>Whether and how this node passes requests on.</summary>
internal sealed class ForwardingSettings(IConfiguration configuration, IOptionsMonitor<ForwardingOptions> options)
{
    private readonly string[] roles = configuration.GetSection("node:roles").Get<string[]>() ?? [];

    /// <summary>This node passes on what it has no plugin for: it is a gateway, or runs a part of the plugins.</summary>
    public bool IsOn { get; } = (configuration.GetSection("node:roles").Get<string[]>()?.Contains("gateway") ?? false) || configuration.GetSection("plugins:only").GetChildren().Any();

    /// <summary>It has no plugins of its own, so that the surfaces of all resources are elsewhere too.</summary>
    public bool IsGatewayOnly => roles is ["gateway"];

    /// <summary>The settings now.</summary>
    public ForwardingOptions Current => options.CurrentValue;

    /// <summary>The rule for a path, or null.</summary>
    public ForwardingRoute? RouteOf(string path) =>
        Current.Routes.Where(r => path.StartsWith(r.Path, StringComparison.OrdinalIgnoreCase) && (path.Length == r.Path.Length || path[r.Path.Length] == '/')).MaxBy(r => r.Path.Length);
}
