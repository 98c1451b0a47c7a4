using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus;

/// <summary>The newest lines that each plugin logged, kept in memory: a bounded number a plugin, also after it stopped. The whole log goes to the node's standard output.</summary>
public interface IPluginLogs
{
    /// <summary>Lines of a plugin, oldest first; empty when it logged nothing.</summary>
    /// <param name="plugin">Its id.</param>
    /// <param name="after">Only lines after this number; 0 for all that are kept.</param>
    /// <param name="limit">Greatest number of lines; of more, the newest.</param>
    /// <param name="least">Only lines of this level and above.</param>
    ImmutableArray<PluginLogLine> Read(string plugin, long after = 0, int limit = 200, LogLevel least = LogLevel.Trace);
}

/// <summary>One line of a plugin.</summary>
/// <param name="Number">Grows by one with each line of the node, from 1.</param>
/// <param name="At">When, UTC.</param>
/// <param name="Level">How bad.</param>
/// <param name="Category">Logger name.</param>
/// <param name="Message">The text, cut at 4,096 characters.</param>
/// <param name="Error">Type, message and stack of the exception as text, cut at 8,192 characters; null without one.</param>
public sealed record PluginLogLine(long Number, DateTimeOffset At, LogLevel Level, string Category, string Message, string? Error);
