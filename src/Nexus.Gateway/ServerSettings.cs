using Microsoft.Extensions.Options;

namespace Nexus.Gateway;

/// <summary>Section <c>server</c> as it is now; a change of the configuration replaces it as a whole.</summary>
internal sealed class ServerSettings : IDisposable
{
    private readonly IDisposable? follow;
    private volatile ServerOptions current;

    public ServerSettings(IOptionsMonitor<ServerOptions> monitor)
    {
        current = monitor.CurrentValue;
        follow = monitor.OnChange(options => current = options);
    }

    /// <summary>What holds for requests that begin now.</summary>
    public ServerOptions Current => current;

    /// <inheritdoc/>
    public void Dispose() => follow?.Dispose();
}
