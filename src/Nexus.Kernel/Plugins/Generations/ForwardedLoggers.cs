using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>The host's loggers, by name, and a copy of each line for <see cref="PluginLogs"/>. A plugin can neither add a provider to them nor dispose them.</summary>
internal sealed class ForwardedLoggers(ILoggerFactory host, PluginLogs? kept, string plugin) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) =>
        kept is null ? host.CreateLogger(categoryName) : new Copying(host.CreateLogger(categoryName), kept, plugin, categoryName);

    public void AddProvider(ILoggerProvider provider) =>
        throw new NotSupportedException("Log providers belong to the host; a plugin writes to the loggers it is given.");

    public void Dispose()
    {
    }

    private sealed class Copying(ILogger target, PluginLogs kept, string plugin, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => target.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => target.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!target.IsEnabled(logLevel))
            {
                return;
            }

            kept.Add(plugin, logLevel, category, formatter(state, exception), exception);
            target.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
