using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>The host's loggers, by name. A plugin can neither add a provider to them nor dispose them.</summary>
internal sealed class ForwardedLoggers(ILoggerFactory host) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => host.CreateLogger(categoryName);

    public void AddProvider(ILoggerProvider provider) =>
        throw new NotSupportedException("Log providers belong to the host; a plugin writes to the loggers it is given.");

    public void Dispose()
    {
    }
}
