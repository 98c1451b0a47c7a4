using System.Globalization;

namespace Nexus.Gateway.Metrics;

/// <summary>
/// What <see cref="RequestMetrics"/> counted, minute by minute for a day and hour by hour for a month, since the node began. A look a minute at the counters that there are, so that no request pays
/// for it; whoever asks causes one more look. Thread-safe.
/// </summary>
internal sealed class RequestHistory : IDisposable
{
    /// <summary>For how long minutes are kept.</summary>
    public static readonly TimeSpan MinutesKept = TimeSpan.FromDays(1);

    /// <summary>For how long hours are kept.</summary>
    public static readonly TimeSpan HoursKept = TimeSpan.FromDays(31);

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    // A timer may fire a little early, and what was counted after the boundary would go to the minute before it.
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(5);
    private readonly Lock gate = new();
    private readonly RequestMetrics requests;
    private readonly TimeProvider time;
    private readonly ITimer timer;
    private readonly SortedDictionary<DateTimeOffset, RequestTally> minutes = [];
    private readonly SortedDictionary<DateTimeOffset, RequestTally> hours = [];
    private RequestTally last;
    private DateTimeOffset lastAt;

    public RequestHistory(RequestMetrics requests, TimeProvider time)
    {
        (this.requests, this.time) = (requests, time);
        (last, lastAt) = (RequestTally.Of(requests), time.GetUtcNow());
        timer = time.CreateTimer(_ => Look(), null, UntilNext(lastAt), Timeout.InfiniteTimeSpan);
    }

    /// <summary>Requests of each step; steps begin at multiples of their length since 1970 in UTC.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: nothing so fine is kept for so long.</exception>
    public IReadOnlyList<(DateTimeOffset At, RequestTally Tally)> Read(DateTimeOffset start, DateTimeOffset end, TimeSpan step)
    {
        Look();
        var isWhole = step.Ticks % Hour.Ticks == 0;
        if (!isWhole && start < time.GetUtcNow() - MinutesKept - Minute)
            throw new NexusException(ErrorCodes.BadRequest, string.Create(CultureInfo.InvariantCulture, $"Steps that are no whole hours are kept for {MinutesKept.TotalHours} hours; ask for a later start or a resolution of 1h, 6h or 1d."));
        lock (gate)
        {
            var kept = (isWhole ? hours : minutes).ToLookup(k => Floor(k.Key, step), k => k.Value);
            var steps = new List<(DateTimeOffset, RequestTally)>();
            for (var at = Floor(start, step); at < end; at += step)
                steps.Add((at, kept[at].Aggregate(new RequestTally(), static (sum, one) => sum.Plus(one))));
            return steps;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => timer.Dispose();

    /// <summary>The last multiple of a step that is not later.</summary>
    public static DateTimeOffset Floor(DateTimeOffset at, TimeSpan step) => new(at.UtcTicks - at.UtcTicks % step.Ticks, TimeSpan.Zero);

    private static TimeSpan UntilNext(DateTimeOffset now) => Floor(now, Minute) + Minute - now + Late;

    /// <summary>Gives what was counted since the last look to the minute of that look.</summary>
    private void Look()
    {
        lock (gate)
        {
            var (now, counted) = (time.GetUtcNow(), RequestTally.Of(requests));
            var more = counted.Minus(last);
            if (more.Requests > 0)
            {
                Add(minutes, Floor(lastAt, Minute), more);
                Add(hours, Floor(lastAt, Hour), more);
            }

            Forget(minutes, now - MinutesKept - Minute);
            Forget(hours, now - HoursKept - Hour);
            (last, lastAt) = (counted, now);
            timer?.Change(UntilNext(now), Timeout.InfiniteTimeSpan);
        }
    }

    private static void Add(SortedDictionary<DateTimeOffset, RequestTally> to, DateTimeOffset at, RequestTally more) =>
        to[at] = to.TryGetValue(at, out var known) ? known.Plus(more) : more;

    private static void Forget(SortedDictionary<DateTimeOffset, RequestTally> of, DateTimeOffset before)
    {
        foreach (var at in of.Keys.TakeWhile(k => k < before).ToList())
            of.Remove(at);
    }
}

/// <summary>Requests of a stretch of time. Immutable.</summary>
internal sealed class RequestTally
{
    private readonly SortedDictionary<int, long> byStatus = [];
    private readonly long[] buckets = new long[Durations.Bounds.Length + 1];
    private double seconds;

    /// <summary>How many were answered with each status.</summary>
    public IReadOnlyDictionary<int, long> ByStatus => byStatus;

    /// <summary>All of them.</summary>
    public long Requests => byStatus.Values.Sum();

    /// <summary>Those answered with 500 or above.</summary>
    public long Errors => byStatus.Where(s => s.Key >= 500).Sum(s => s.Value);

    /// <summary>Mean time in seconds; null without requests.</summary>
    public double? Average => Requests == 0 ? null : seconds / Requests;

    /// <summary>The time in seconds that a part of the requests did not exceed, interpolated within a bucket; null without requests.</summary>
    public double? Quantile(double part) => Durations.Quantile(part, buckets);

    /// <summary>What was counted until now.</summary>
    public static RequestTally Of(RequestMetrics requests)
    {
        var tally = new RequestTally();
        foreach (var route in requests.All)
        {
            foreach (var (_, status, count) in route.Counts())
                tally.byStatus[status] = tally.byStatus.GetValueOrDefault(status) + count;
            tally.Add(route.Durations.Read(out var spent), spent, 1);
        }

        return tally;
    }

    /// <summary>Both together.</summary>
    public RequestTally Plus(RequestTally other) => With(other, 1);

    /// <summary>What was counted since an earlier tally.</summary>
    public RequestTally Minus(RequestTally earlier) => With(earlier, -1);

    private RequestTally With(RequestTally other, int sign)
    {
        var sum = new RequestTally();
        foreach (var (status, count) in byStatus)
            sum.byStatus[status] = count;
        sum.Add(buckets, seconds, 1);
        foreach (var (status, count) in other.byStatus)
            sum.byStatus[status] = sum.byStatus.GetValueOrDefault(status) + sign * count;
        sum.Add(other.buckets, other.seconds, sign);
        foreach (var none in sum.byStatus.Where(s => s.Value == 0).Select(s => s.Key).ToList())
            sum.byStatus.Remove(none);
        return sum;
    }

    private void Add(ReadOnlySpan<long> counts, double spent, int sign)
    {
        for (var i = 0; i < counts.Length; i++)
            buckets[i] += sign * counts[i];
        seconds += sign * spent;
    }
}
