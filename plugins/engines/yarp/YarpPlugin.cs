using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Forwarder;

namespace Nexus.Engines.Yarp;

/// <summary>Carries requests to other nodes with the forwarder of YARP.</summary>
public sealed class YarpPlugin : IPlugin
{
    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.Services.AddHttpForwarder();
        plugin.ShareNodes(services => new SharedPorts("yarp") { Transport = new YarpTransport(services.GetRequiredService<IHttpForwarder>()) });
    }
}
