using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Metrics;

/// <summary>Request counters in the Prometheus text form. The number of series is bounded: routes are templates, and beyond <see cref="MaxRoutes"/> they are counted together.</summary>
internal sealed class RequestMetrics
{
    private const int MaxRoutes = 2000;
    private static readonly string[] KnownMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    private readonly ConcurrentDictionary<(string Plugin, string Route), RouteCounters> routes = new();
    private readonly RouteCounters unmatched = new("none", "none");

    /// <summary>The counters of a route; the same object for every generation of the plugin, so that counts only grow.</summary>
    public RouteCounters For(string plugin, string pattern) =>
        routes.Count < MaxRoutes || routes.ContainsKey((plugin, pattern))
            ? routes.GetOrAdd((plugin, pattern), static key => new RouteCounters(key.Plugin, key.Route))
            : routes.GetOrAdd((plugin, "other"), static key => new RouteCounters(key.Plugin, key.Route));

    /// <summary>Counts one request that ended.</summary>
    public void Count(RouteFacts? route, string method, int status, TimeSpan elapsed) =>
        (route?.Counters ?? unmatched).Count(Array.IndexOf(KnownMethods, method), status, elapsed);

    /// <summary>Number of requests that a plugin has answered, and how many of them with a server error.</summary>
    public (long Requests, long Errors) Of(string plugin)
    {
        long requests = 0, errors = 0;
        foreach (var route in routes.Values.Where(r => r.Plugin == plugin))
        {
            foreach (var (_, status, count) in route.Counts())
            {
                requests += count;
                errors += status >= 500 ? count : 0;
            }
        }
        return (requests, errors);
    }

    /// <summary>Writes all series, or those of one plugin.</summary>
    public void Write(StringBuilder text, string? plugin = null)
    {
        var all = routes.Values.Append(unmatched).Where(r => plugin is null || r.Plugin == plugin).OrderBy(r => r.Plugin, StringComparer.Ordinal).ThenBy(r => r.Route, StringComparer.Ordinal).ToArray();
        text.Append("# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n");
        foreach (var route in all)
        {
            foreach (var (method, status, count) in route.Counts())
                text.Append(CultureInfo.InvariantCulture, $"http_requests_total{{plugin=\"{route.Plugin}\",route=\"{Escape(route.Route)}\",method=\"{(method < 0 ? "OTHER" : KnownMethods[method])}\",status=\"{status}\"}} {count}\n");
        }
        text.Append("# HELP http_request_duration_seconds Time from the first byte read to the end of the handler.\n# TYPE http_request_duration_seconds histogram\n");
        foreach (var group in all.GroupBy(r => r.Plugin))
            RouteCounters.WriteHistogram(text, group.Key, [.. group]);
    }

    private static string Escape(string label) => label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}

/// <summary>Counts of one route. Thread-safe.</summary>
internal sealed class RouteCounters(string plugin, string route)
{
    private static readonly double[] Bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
    private readonly ConcurrentDictionary<int, StrongBox> byOutcome = new();
    private readonly long[] buckets = new long[15];
    private long ticks;

    public string Plugin { get; } = plugin;

    public string Route { get; } = route;

    public void Count(int method, int status, TimeSpan elapsed)
    {
        var key = ((method + 1) * 1000) + status;
        if (!byOutcome.TryGetValue(key, out var count))
            count = byOutcome.GetOrAdd(key, static _ => new StrongBox());
        Interlocked.Increment(ref count.Value);
        var seconds = elapsed.TotalSeconds;
        var bucket = 0;
        while (bucket < Bounds.Length && seconds > Bounds[bucket])
            bucket++;
        Interlocked.Increment(ref buckets[bucket]);
        Interlocked.Add(ref ticks, elapsed.Ticks);
    }

    public IEnumerable<(int Method, int Status, long Count)> Counts() =>
        byOutcome.OrderBy(p => p.Key).Select(p => ((p.Key / 1000) - 1, p.Key % 1000, Interlocked.Read(ref p.Value.Value)));

    public static void WriteHistogram(StringBuilder text, string plugin, RouteCounters[] routes)
    {
        long sum = 0;
        for (var i = 0; i <= Bounds.Length; i++)
        {
            sum += routes.Sum(r => Interlocked.Read(ref r.buckets[i]));
            var bound = i < Bounds.Length ? Bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
            text.Append(CultureInfo.InvariantCulture, $"http_request_duration_seconds_bucket{{plugin=\"{plugin}\",le=\"{bound}\"}} {sum}\n");
        }
        var seconds = TimeSpan.FromTicks(routes.Sum(r => Interlocked.Read(ref r.ticks))).TotalSeconds;
        text.Append(CultureInfo.InvariantCulture, $"http_request_duration_seconds_sum{{plugin=\"{plugin}\"}} {seconds}\nhttp_request_duration_seconds_count{{plugin=\"{plugin}\"}} {sum}\n");
    }

    /// <summary>A counter on the heap.</summary>
    private sealed class StrongBox
    {
        public long Value;
    }
}
