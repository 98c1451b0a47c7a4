using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Measuring;

/// <summary>Times of queries: as the histogram <c>database_query_duration_seconds</c>, and in the log from <c>database.slowQuery</c> milliseconds on, with the plan, so many a minute at most. Thread-safe.</summary>
internal sealed partial class QueryMeasures : ISlowQueries
{
    private const int LinesPerMinute = 20;
    private const int MaxKept = 100;
    private readonly Histogram<double>? durations;
    private readonly TimeSpan? slow;
    private readonly LogAllowance allowance;
    private readonly ILogger log;
    private readonly Listeners? listeners;
    private readonly TimeProvider time;
    private readonly ConcurrentQueue<SlowQuery> kept = new();

    public QueryMeasures(IMeterFactory? meters, IConfiguration configuration, TimeProvider time, ILoggerFactory loggers, Listeners? listeners = null)
    {
        durations = meters?.Create("Nexus.Data").CreateHistogram<double>("database_query_duration", "s", "Time that queries and commits took.");
        slow = configuration.GetValue("database:slowQuery", 0) is var limit and > 0 ? TimeSpan.FromMilliseconds(limit) : null;
        allowance = new LogAllowance(LinesPerMinute, time);
        log = loggers.CreateLogger("Nexus.Data");
        (this.listeners, this.time) = (listeners, time);
    }

    public TimeSpan? Limit => slow;

    public ImmutableArray<SlowQuery> List() => [.. kept.Reverse()];

    /// <summary>Notes the end of an operation on records.</summary>
    /// <param name="operation"><c>find</c>, <c>query</c> or <c>commit</c>.</param>
    /// <param name="table">Its table.</param>
    /// <param name="started">Its begin, in ticks of <see cref="Stopwatch"/>.</param>
    /// <param name="isSlow">It took as long as is logged.</param>
    public void Ended(string operation, string table, long started, out bool isSlow)
    {
        var elapsed = Stopwatch.GetElapsedTime(started);
        durations?.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("operation", operation), new KeyValuePair<string, object?>("table", table));
        isSlow = slow <= elapsed;
        if (listeners?.To(SystemTopic.Database) is { } events)
            TellQuery(events, new { operation, table, milliseconds = elapsed.TotalMilliseconds, slow = isSlow });
    }

    /// <summary>Notes the end of a plugin's statement.</summary>
    public void Ended(string plugin, string operation, string statement, long started, out bool isSlow)
    {
        var elapsed = Stopwatch.GetElapsedTime(started);
        durations?.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("operation", operation), new KeyValuePair<string, object?>("plugin", plugin), new KeyValuePair<string, object?>("statement", statement));
        isSlow = slow <= elapsed;
        if (listeners?.To(SystemTopic.Database) is { } events)
            TellQuery(events, new { operation, plugin, statement, milliseconds = elapsed.TotalMilliseconds, slow = isSlow });
    }

    /// <summary>Logs something slow with its plan, unless there were too many lines already. The plan is asked for behind the caller, who has waited enough.</summary>
    /// <param name="what">Plugin or table.</param>
    /// <param name="statement">The statement without values.</param>
    /// <param name="started">Its begin.</param>
    /// <param name="plan">Asks for the plan; never runs the statement.</param>
    public void Tell(string what, string statement, long started, Func<ValueTask<string>> plan)
    {
        if (!allowance.TryTake(out var unwritten))
            return;
        var (elapsed, at, context) = (Stopwatch.GetElapsedTime(started).TotalMilliseconds, time.GetUtcNow(), CallContext.Current);
        // Without the caller's flow: its unit of work may be over when the plan is asked for, and the line belongs to no span of it.
        using var apart = ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow();
        _ = Task.Run(async () =>
        {
            CallContext.Current = context;
            string found;
            try
            {
                found = await plan();
            }
            catch (Exception e)
            {
                found = $"no plan: {e.Message}";
            }

            kept.Enqueue(new SlowQuery(at, elapsed, what, statement, found));
            while (kept.Count > MaxKept)
                kept.TryDequeue(out _);
            Slow(log, (long)elapsed, what, statement, found, unwritten);
        });
    }

    private static void TellQuery(ISystemEvents events, object data) => events.Tell("database.query", JsonSerializer.SerializeToUtf8Bytes(data), CallContext.Current);

    [LoggerMessage(1, LogLevel.Warning, "database.slow_query {Milliseconds} {Source} {Statement} {Plan} ({Unwritten} others not written)")]
    private static partial void Slow(ILogger log, long milliseconds, string source, string statement, string plan, long unwritten);
}
