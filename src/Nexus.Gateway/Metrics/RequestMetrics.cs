using System.Collections.Concurrent;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Metrics;

/// <summary>Counts requests. The number of series is bounded: routes are templates, and beyond <see cref="MaxRoutes"/> they are counted together.</summary>
internal sealed class RequestMetrics
{
    private const int MaxRoutes = 2000;
    private static readonly string[] KnownMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    private readonly ConcurrentDictionary<(string Plugin, string Route), RouteCounters> routes = new();
    private readonly ConcurrentDictionary<string, long> lazyLoads = new(StringComparer.Ordinal);
    private readonly RouteCounters unmatched = new("none", "none");

    /// <summary>Every route that was ever known, and what matched none.</summary>
    public IEnumerable<RouteCounters> All => routes.Values.Append(unmatched).OrderBy(r => r.Plugin, StringComparer.Ordinal).ThenBy(r => r.Route, StringComparer.Ordinal);

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
            var (answered, failed) = route.Sums();
            (requests, errors) = (requests + answered, errors + failed);
        }

        return (requests, errors);
    }

    /// <summary>Number of requests to a plugin whose handler waited for something.</summary>
    public long AwaitsOf(string plugin) => routes.Values.Where(r => r.Plugin == plugin).Sum(r => r.Awaits);

    /// <summary>A request has brought a lazy plugin up.</summary>
    public void CountLazyLoad(string plugin) => lazyLoads.AddOrUpdate(plugin, 1, static (_, known) => known + 1);

    /// <summary>How often a request has brought the plugin up.</summary>
    public long LazyLoadsOf(string plugin) => lazyLoads.GetValueOrDefault(plugin);

    /// <summary>Writes the series of all requests.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="origins">Also under the names that earlier systems had.</param>
    /// <param name="plugin">Only those of one plugin.</param>
    public void Write(Exposition to, bool origins = false, string? plugin = null)
    {
        RouteCounters[] all = [.. All.Where(r => (plugin is null || r.Plugin == plugin) && r.Sums().Requests > 0)];
        WriteCounts(to, "http_requests_total", all);
        if (origins)
            WriteCounts(to, "nexus_http_requests_total", all);
        WriteDurations(to, "http_request_duration_seconds", all);
        if (origins)
            WriteDurations(to, "nexus_http_request_duration_seconds", all);
        if (origins && to.Begin("nexus_requests_total", MetricKind.Counter, "Requests answered."))
            to.Sample("", all.Sum(r => r.Sums().Requests));
        // The name was given without the ending of counters, and checkers of names refuse a counter without it.
        to.Begin("error_rate", MetricKind.Untyped, "Requests answered with a server error, by service; only grows.");
        WriteErrors(to, all, plugin);
        to.Begin("errors_total", MetricKind.Counter, "Requests answered with a server error, by service.");
        WriteErrors(to, all, plugin);
    }

    private static void WriteCounts(Exposition to, string name, RouteCounters[] routes)
    {
        to.Begin(name, MetricKind.Counter, "Requests answered.");
        foreach (var route in routes)
        {
            foreach (var (method, status, count) in route.Counts())
                to.Sample($"{route.Labels},{Exposition.Labels(("method", method < 0 ? "OTHER" : KnownMethods[method]), ("status", status.ToString(System.Globalization.CultureInfo.InvariantCulture)))}", count);
        }
    }

    private static void WriteDurations(Exposition to, string name, RouteCounters[] routes)
    {
        to.Begin(name, MetricKind.Histogram, "Time from the first byte read to the end of the handler.");
        foreach (var route in routes)
            to.Histogram(route.Labels, Durations.Bounds, route.Durations.Read(out var seconds), seconds);
    }

    private void WriteErrors(Exposition to, RouteCounters[] used, string? only)
    {
        var failed = used.ToLookup(r => r.Plugin, r => r.Sums().Errors);
        // A service that had no error yet has its series too: a rate needs the zero before the first.
        foreach (var plugin in routes.Keys.Select(k => k.Plugin).Where(p => only is null || p == only).Distinct().Order(StringComparer.Ordinal))
            to.Sample(Exposition.Labels(("service", plugin)), failed[plugin].Sum());
    }
}
