using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Logging;

/// <summary>The newest lines of the node's log, in memory: at most 10,000, and at most 4,000,000 characters of text. Thread-safe.</summary>
internal sealed class RecentLines
{
    private const int MaxLines = 10_000;
    private const int MaxCharacters = 4_000_000;
    private const int MaxMessage = 4_096;
    private const int MaxError = 8_192;

    private readonly Lock gate = new();
    private readonly Queue<NodeLogLine> lines = new();
    private long last;
    private int characters;

    public void Add(LogEntry line)
    {
        var (message, error) = (Cut(line.Message, MaxMessage), line.Exception is null ? null : Cut(line.Exception, MaxError));
        lock (gate)
        {
            var kept = new NodeLogLine(++last, line.At, line.Level, line.Category, message, error, line.RequestId, line.UserId);
            lines.Enqueue(kept);
            characters += Size(kept);
            while (lines.Count > MaxLines || characters > MaxCharacters)
                characters -= Size(lines.Dequeue());
        }
    }

    /// <summary>Lines that fit, oldest first; of more than <paramref name="limit"/>, the newest, or behind a number the next.</summary>
    public ImmutableArray<NodeLogLine> Read(LogFilter filter, int limit)
    {
        NodeLogLine[] all;
        lock (gate)
            all = [.. lines];
        var found = all.Where(filter.Fits);
        return [.. filter.After > 0 ? found.Take(limit) : found.TakeLast(limit)];
    }

    private static int Size(NodeLogLine line) => line.Message.Length + (line.Error?.Length ?? 0);

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..most];
}

/// <summary>One line of a node's log.</summary>
/// <param name="Number">Grows by one with each line since the start of the node, from 1.</param>
/// <param name="At">When, UTC.</param>
/// <param name="Level">How bad.</param>
/// <param name="Category">Logger name.</param>
/// <param name="Message">The text, cut at 4,096 characters.</param>
/// <param name="Error">Type, message and stack of the exception as text, cut at 8,192 characters; null without one.</param>
/// <param name="RequestId">The request in which it was written, or null.</param>
/// <param name="UserId">Who called, or null outside of a request.</param>
internal sealed record NodeLogLine(long Number, DateTimeOffset At, LogLevel Level, string Category, string Message, string? Error, string? RequestId, string? UserId);

/// <summary>Which lines are wanted.</summary>
/// <param name="Least">This level and above.</param>
/// <param name="After">Only lines after this number.</param>
internal sealed record LogFilter(LogLevel Least, long After)
{
    /// <summary>The category is this, or begins with this and a dot; upper and lower case are one.</summary>
    public string? Component { get; init; }

    /// <summary>Part of the text, the failure, the category or the request's id; upper and lower case are one.</summary>
    public string? Search { get; init; }

    /// <summary>Id of the request.</summary>
    public string? Request { get; init; }

    /// <summary>From this moment on.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Before this moment.</summary>
    public DateTimeOffset? To { get; init; }

    public bool Fits(NodeLogLine line) =>
        line.Number > After && line.Level >= Least && line.At >= (From ?? DateTimeOffset.MinValue) && line.At < (To ?? DateTimeOffset.MaxValue)
        && (Request is null || line.RequestId == Request)
        && (Component is null || (line.Category.StartsWith(Component, StringComparison.OrdinalIgnoreCase) && (line.Category.Length == Component.Length || line.Category[Component.Length] == '.')))
        && (Search is null || new[] { line.Message, line.Error, line.Category, line.RequestId }.Any(t => t?.Contains(Search, StringComparison.OrdinalIgnoreCase) == true));
}
