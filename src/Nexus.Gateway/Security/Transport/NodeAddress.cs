using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Security.Transport;

/// <summary>The node's address by settings, by the request, or by the port it listens on. Given to parts of the platform.</summary>
internal sealed class NodeAddress(IServiceProvider host, ServerSettings settings) : INodeAddress, IPluginPorts
{
    private volatile string? listening;

    /// <inheritdoc/>
    public string Public => settings.Current.PublicUrl?.TrimEnd('/') ?? listening ?? Find();

    /// <inheritdoc/>
    public string Own => listening ?? Find();

    /// <inheritdoc/>
    public string? OwnHttp2 => Own is var own && own.StartsWith("https:", StringComparison.Ordinal) ? own
        : settings.Current.Http2Port is > 0 and var port ? $"http://{BindingAddress.Parse(own).Host}:{port}" : null;

    /// <inheritdoc/>
    public string Of(HttpContext request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (settings.Current.PublicUrl is { } set)
            return set.TrimEnd('/');
        var named = request.Request.Host;
        return named.HasValue && IsOwn(named.Host) ? $"{request.Request.Scheme}://{named.Value}" : Public;
    }

    /// <inheritdoc/>
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Manifest.Category == PluginCategory.Core)
            services.AddSingleton<INodeAddress>(this);
    }

    private bool IsOwn(string name) =>
        name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || IPAddress.TryParse(name.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address)
        || settings.Current.AllowedHosts.Contains(name, StringComparer.OrdinalIgnoreCase);

    private string Find()
    {
        var addresses = host.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
        var known = addresses.Select(BindingAddress.Parse).OrderByDescending(a => a.Scheme == "https").FirstOrDefault();
        if (known is null)
            return "http://localhost";
        // An address that stands for all of a machine's is no name that anybody can call.
        var isAny = known.Host is "*" or "+" || IPAddress.TryParse(known.Host.Trim('[', ']'), out var bound) && (bound.Equals(IPAddress.Any) || bound.Equals(IPAddress.IPv6Any));
        var name = isAny ? settings.Current.AllowedHosts.FirstOrDefault(h => h != "*") ?? "localhost" : known.Host;
        var text = $"{known.Scheme}://{name}{(known.Port == (known.Scheme == "https" ? 443 : 80) ? "" : $":{known.Port}")}";
        // Port 0 becomes the real one when the port opens.
        return known.Port == 0 ? text : listening = text;
    }
}
