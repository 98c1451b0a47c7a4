using Microsoft.Extensions.Logging;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Logging;

/// <summary>Hands log lines to those who asked for them. Without any, a line costs one look.</summary>
[ProviderAlias("Sinks")]
internal sealed class LogSinks(TimeProvider clock) : ILoggerProvider, ILogSinks
{
    private static readonly AsyncLocal<bool> Handing = new();
    private readonly Lock gate = new();
    private readonly TimeProvider time = clock;
    private volatile Action<LogEntry>[] sinks = [];

    public ILogger CreateLogger(string categoryName) => new Writer(this, categoryName);

    public IDisposable Add(Action<LogEntry> sink)
    {
        lock (gate)
            sinks = [.. sinks, sink];
        return new Removal(this, sink);
    }

    public void Dispose()
    {
    }

    private static void Hand(Action<LogEntry>[] to, LogEntry line)
    {
        if (Handing.Value)
            return;
        Handing.Value = true;
        try
        {
            foreach (var sink in to)
                sink(line);
        }
        catch (Exception)
        {
            // Nobody is told of a log that cannot be brought elsewhere: telling would be a line of the log.
        }
        finally
        {
            Handing.Value = false;
        }
    }

    private void Remove(Action<LogEntry> sink)
    {
        lock (gate)
            sinks = [.. sinks.Where(s => s != sink)];
    }

    private sealed class Removal(LogSinks sinks, Action<LogEntry> sink) : IDisposable
    {
        public void Dispose() => sinks.Remove(sink);
    }

    private sealed class Writer(LogSinks log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None && log.sinks.Length > 0;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (log.sinks is not { Length: > 0 } sinks || logLevel == LogLevel.None)
                return;
            var request = GatewayRequest.Current;
            Hand(sinks, new LogEntry(log.time.GetUtcNow(), logLevel, category, Masking.Mask(formatter(state, exception)), exception is null ? null : Masking.Mask(exception.ToString()), request?.Id, request?.Context.Caller.Id));
        }
    }
}
