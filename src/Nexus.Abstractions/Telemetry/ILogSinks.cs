using Microsoft.Extensions.Logging;

namespace Nexus;

/// <summary>Copies of the node's log, for core plugins that bring them elsewhere. Thread-safe.</summary>
public interface ILogSinks
{
    /// <summary>Hands every further line to a sink until the result is disposed. It is called where the line is written, in its flow and span; it must not wait, and what it logs itself is not handed on. What it throws is passed over.</summary>
    IDisposable Add(Action<LogEntry> sink);
}

/// <summary>One line of the log. Texts are masked as they are in the node's own log; nothing of a plugin's types is here.</summary>
/// <param name="At">When, UTC.</param>
/// <param name="Level">Its level.</param>
/// <param name="Category">Who wrote it.</param>
/// <param name="Message">Its text.</param>
/// <param name="Exception">The failure as text, or null.</param>
/// <param name="RequestId">The request in which it was written, or null.</param>
/// <param name="UserId">Who called, or null outside of a request.</param>
public sealed record LogEntry(DateTimeOffset At, LogLevel Level, string Category, string Message, string? Exception, string? RequestId, string? UserId);
