using Microsoft.Extensions.Options;

namespace Nexus.Gateway.Security;

/// <summary>Section <c>security</c> as it is now; a change of the configuration replaces it as a whole. Reading it costs one volatile read.</summary>
internal sealed class SecuritySettings : IDisposable
{
    private readonly IDisposable? follow;
    private volatile SecurityOptions current;

    public SecuritySettings(IOptionsMonitor<SecurityOptions> monitor)
    {
        current = monitor.CurrentValue;
        follow = monitor.OnChange(options => current = options);
    }

    /// <summary>What holds for requests that begin now.</summary>
    public SecurityOptions Current => current;

    /// <inheritdoc/>
    public void Dispose() => follow?.Dispose();
}
