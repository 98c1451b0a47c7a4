using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Logging;

/// <summary>
/// Logs lines to a stream from one background writer, and keeps the newest. The caller formats, so that no exception or state of a plugin is kept, and never
/// waits: when <see cref="Capacity"/> lines wait, further ones are dropped and their number is logged.
/// </summary>
[ProviderAlias("Nexus")]
internal sealed class LineLogging : ILoggerProvider
{
    private const int Capacity = 16_384;
    private readonly Channel<byte[]> lines;
    private readonly Stream target;
    private readonly RecentLines recent;
    private readonly TimeProvider time;
    private readonly bool json;
    private readonly string service;
    private readonly Task writer;
    private long dropped;

    public LineLogging(Stream target, RecentLines recent, TimeProvider time, bool json, string service)
    {
        this.target = target;
        this.recent = recent;
        this.time = time;
        this.json = json;
        this.service = service;
        lines = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        writer = Task.Run(WriteAsync);
    }

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Writer(this, categoryName);

    /// <summary>Writes what waits, for at most two seconds.</summary>
    public void Dispose()
    {
        lines.Writer.TryComplete();
        // A logger provider is disposed synchronously, last of all; nothing else waits for this thread then.
#pragma warning disable RS0030
        writer.Wait(TimeSpan.FromSeconds(2));
#pragma warning restore RS0030
    }

    private void Add(LogLevel level, string category, string message, Exception? exception)
    {
        var request = GatewayRequest.Current;
        var line = new LogEntry(time.GetUtcNow(), level, category, Masking.Mask(message), exception is null ? null : Masking.Mask(exception.ToString()), request?.Id, request?.Context.Caller.Id);
        recent.Add(line);
        if (!lines.Writer.TryWrite(Format(line)))
            Interlocked.Increment(ref dropped);
    }

    private byte[] Format(LogEntry line) => json ? LogLine.Json(line, service) : LogLine.Text(line);

    private async Task WriteAsync()
    {
        try
        {
            while (await lines.Reader.WaitToReadAsync())
            {
                while (lines.Reader.TryRead(out var line))
                    await target.WriteAsync(line);
                if (Interlocked.Exchange(ref dropped, 0) is > 0 and var lost)
                    await target.WriteAsync(Format(new LogEntry(time.GetUtcNow(), LogLevel.Warning, "Nexus.Logging", $"{lost} lines were dropped: the output is slower than the log.", null, null, null)));
                await target.FlushAsync();
            }
        }
        catch (IOException)
        {
            // The reader of the log went away (a closed pipe); the node goes on without it.
            lines.Writer.TryComplete();
        }
    }

    private sealed class Writer(LineLogging log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                log.Add(logLevel, category, formatter(state, exception), exception);
        }
    }
}
