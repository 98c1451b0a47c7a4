using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Metrics;

/// <summary><c>/api/v1/performance</c>: where the time of this node goes, from what was counted since it began. Routes are patterns and statements have no values; streams and sockets last as long as somebody listens and are left out.</summary>
internal sealed class PerformanceRoutes(IServiceProvider host, RequestMetrics requests, MeterBoard meters, TimeProvider time) : IPlatformRoutes
{
    private const int Most = 100;
    private static readonly string[] Orders = ["p95", "mean", "total", "count"];
    private readonly DateTimeOffset since = time.GetUtcNow();

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/performance", "getPerformance", "The slowest routes and queries of this node since it began, and its last slow queries with their plans", ScrapeToken.Permission, SendAsync)
        {
            Query = [("sort", "p95 (default), mean, total or count: greatest first"), ("limit", "routes and queries, 1 to 100; 20 when left out")],
            Answer = Answer.Of<PerformanceView>(),
        },
    ];

    private Task SendAsync(HttpContext context)
    {
        var sort = context.Request.Query["sort"].FirstOrDefault() ?? Orders[0];
        if (!Orders.Contains(sort))
            throw new NexusException(ErrorCodes.BadRequest, $"sort is '{sort}'; it is one of {string.Join(", ", Orders)}.");
        var limit = 20;
        if (context.Request.Query["limit"].FirstOrDefault() is { } wanted && (!int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > Most))
            throw new NexusException(ErrorCodes.BadRequest, $"limit is '{wanted}'; it is 1 to {Most}.");
        var slow = host.GetService<ISlowQueries>();
        return JsonAnswer.SendAsync(context, new PerformanceView(
            since,
            [.. Sorted(requests.All.Where(r => r is { IsLasting: false, Plugin: not "none" } && r.Sums().Requests > 0).Select(RouteTime.Of), sort, r => r.Time).Take(limit)],
            [.. Sorted(meters.Observations("database_query_duration_seconds").Select(QueryTime.Of), sort, q => q.Time).Take(limit)],
            slow?.Limit?.TotalMilliseconds,
            slow?.List() ?? []));
    }

    private static IOrderedEnumerable<T> Sorted<T>(IEnumerable<T> all, string by, Func<T, TimeSpent> time) => all.OrderByDescending(one => time(one) is var t && by == "p95" ? t.P95 : by == "mean" ? t.Mean : by == "total" ? t.Total : t.Count);
}

/// <summary>What a node says of its speed.</summary>
/// <param name="Since">When counting began.</param>
/// <param name="Routes">Routes by their patterns, the slowest first.</param>
/// <param name="Queries">Operations on records and statements of plugins, likewise.</param>
/// <param name="SlowFrom">Milliseconds from which a query is noted with its plan (<c>database.slowQuery</c>); null when none is.</param>
/// <param name="SlowQueries">Those that were noted, newest first.</param>
internal sealed record PerformanceView(DateTimeOffset Since, ImmutableArray<RouteTime> Routes, ImmutableArray<QueryTime> Queries, double? SlowFrom, ImmutableArray<SlowQuery> SlowQueries);

/// <summary>Times in milliseconds; quantiles are interpolated within a bucket.</summary>
internal sealed record TimeSpent(long Count, double Total, double Mean, double P50, double P95, double P99)
{
    public static TimeSpent Of(long[] buckets, double seconds)
    {
        var count = buckets.Sum();
        return new TimeSpent(count, Milliseconds(seconds), Milliseconds(count == 0 ? 0 : seconds / count), At(0.5), At(0.95), At(0.99));

        double At(double part) => Milliseconds(Durations.Quantile(part, buckets) ?? 0);
    }

    private static double Milliseconds(double seconds) => Math.Round(seconds * 1000, 3);
}

/// <summary>A route's times.</summary>
/// <param name="Plugin">Id of its plugin; <c>nexus</c> for the platform.</param>
/// <param name="Route">Its pattern.</param>
/// <param name="Errors">Requests answered with 500 or above.</param>
/// <param name="Time">Times of its requests.</param>
internal sealed record RouteTime(string Plugin, string Route, long Errors, TimeSpent Time)
{
    public static RouteTime Of(RouteCounters route) => new(route.Plugin, route.Route, route.Sums().Errors, TimeSpent.Of(route.Durations.Read(out var seconds), seconds));
}

/// <summary>A query's times.</summary>
/// <param name="Operation"><c>find</c>, <c>query</c>, <c>commit</c> on records; <c>query</c>, <c>execute</c> of a plugin.</param>
/// <param name="Table">The table of records; null for a plugin's statement.</param>
/// <param name="Plugin">The plugin whose statement it is; null for records.</param>
/// <param name="Statement">The statement without values; null for records.</param>
/// <param name="Time">Times of its runs.</param>
internal sealed record QueryTime(string Operation, string? Table, string? Plugin, string? Statement, TimeSpent Time)
{
    public static QueryTime Of((IReadOnlyDictionary<string, string> Tags, long[] Buckets, double Sum) one) =>
        new(one.Tags.GetValueOrDefault("operation", ""), one.Tags.GetValueOrDefault("table"), one.Tags.GetValueOrDefault("plugin"), one.Tags.GetValueOrDefault("statement"), TimeSpent.Of(one.Buckets, one.Sum));
}
