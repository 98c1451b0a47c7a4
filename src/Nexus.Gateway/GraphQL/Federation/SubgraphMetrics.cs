using Nexus.Gateway.Metrics;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>Metrics of the subgraphs that this node composes.</summary>
internal static class SubgraphMetrics
{
    /// <summary>Writes them; nothing on a node that composes none.</summary>
    public static void Write(Exposition to, ComposedGraph graph)
    {
        var all = graph.Subgraphs.Select(subgraph => (Labels: Exposition.Labels(("subgraph", subgraph.Name)), Use: subgraph.Use, Breaker: subgraph.Breaker)).ToList();
        if (all.Count == 0)
            return;
        to.Begin("nexus_subgraph_requests_total", MetricKind.Counter, "Requests to a subgraph: answered, failed, or refused here because it failed too often.");
        foreach (var (labels, use, _) in all)
        {
            to.Sample($"{labels},outcome=\"answered\"", use.Answered);
            to.Sample($"{labels},outcome=\"failed\"", use.Failed);
            to.Sample($"{labels},outcome=\"refused\"", use.Refused);
        }
        to.Begin("nexus_subgraph_request_duration_seconds", MetricKind.Histogram, "Time of requests that were sent to a subgraph, waiting for a turn included.");
        foreach (var (labels, use, _) in all)
        {
            var counts = use.Durations.Read(out var seconds);
            to.Histogram(labels, Durations.Bounds, counts, seconds);
        }
        to.Begin("nexus_subgraph_requests_in_flight", MetricKind.Gauge, "Requests that wait for a subgraph.");
        foreach (var (labels, use, _) in all)
            to.Sample(labels, use.UnderWay);
        to.Begin("nexus_subgraph_breaker_state", MetricKind.Gauge, "0 closed, 1 half-open, 2 open.");
        foreach (var (labels, _, breaker) in all)
            to.Sample(labels, (int)breaker.State);
    }
}

/// <summary>How a subgraph was used. Thread-safe.</summary>
internal sealed class SubgraphUse
{
    private long answered;
    private long failed;
    private long refused;
    private int underWay;
    private volatile bool hasFailed;

    /// <summary>The last one failed.</summary>
    public bool HasFailed => hasFailed;

    /// <summary>Requests that it answered, be it with errors.</summary>
    public long Answered => Interlocked.Read(ref answered);

    /// <summary>Requests that it did not answer in time, in full, or at all.</summary>
    public long Failed => Interlocked.Read(ref failed);

    /// <summary>Requests that were not sent, because it had failed too often.</summary>
    public long Refused => Interlocked.Read(ref refused);

    /// <summary>Requests under way.</summary>
    public int UnderWay => Volatile.Read(ref underWay);

    /// <summary>How long they took.</summary>
    public Durations Durations { get; } = new();

    /// <summary>One was not sent.</summary>
    public void Refuse() => Interlocked.Increment(ref refused);

    /// <summary>One begins.</summary>
    public void Begin() => Interlocked.Increment(ref underWay);

    /// <summary>It has ended.</summary>
    /// <param name="took">Its time.</param>
    /// <param name="failedNow">Whether it failed; null when the caller gave up.</param>
    public void End(TimeSpan took, bool? failedNow)
    {
        Interlocked.Decrement(ref underWay);
        if (failedNow is not { } bad)
            return;
        hasFailed = bad;
        Durations.Add(took);
        Interlocked.Increment(ref bad ? ref failed : ref answered);
    }
}

/// <summary>Whether the subgraphs of this node answer. Only a part of what is composed is missing without one, so the node serves on.</summary>
internal sealed class SubgraphHealth(ComposedGraph graph) : IDependencyHealth
{
    /// <inheritdoc/>
    public string Name => "subgraphs";

    /// <inheritdoc/>
    public bool Essential => false;

    /// <inheritdoc/>
    public ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken)
    {
        var away = graph.Subgraphs.Where(subgraph => graph.IsSilent(subgraph.Name) || subgraph.Use.HasFailed).Select(subgraph => subgraph.Name).ToList();
        return ValueTask.FromResult(away.Count == 0 ? PluginHealth.Healthy : new PluginHealth(HealthLevel.Degraded, $"Not answering: {string.Join(", ", away)}. Fields of theirs are null, everything else is served."));
    }
}
