using Nexus.Gateway.Metrics;

namespace Nexus.Gateway.Forwarding;

/// <summary>Metrics of what is passed on.</summary>
internal static class ForwardingMetrics
{
    /// <summary>Writes them; nothing on a node that passes nothing on.</summary>
    public static void Write(Exposition to, NodeDirectory nodes)
    {
        var backends = nodes.Backends.OrderBy(b => b.Node, StringComparer.Ordinal).ThenBy(b => b.Plugin, StringComparer.Ordinal)
            .Select(b => (Labels: Exposition.Labels(("node", b.Node), ("plugin", b.Plugin)), Backend: b)).ToList();
        if (backends.Count == 0)
            return;
        Family(MetricKind.Counter, "nexus_gateway_forwarded_requests_total", "Requests passed on to a plugin of another node.", b => b.Requests);
        Family(MetricKind.Counter, "nexus_gateway_retried_requests_total", "Of them, those that another node had failed.", b => b.Retries);
        Family(MetricKind.Gauge, "nexus_gateway_requests_in_flight", "Requests passed on and not answered.", b => b.UnderWay);
        Family(MetricKind.Gauge, "nexus_gateway_breaker_state", "0 closed, 1 half-open, 2 open.", b => (int)b.Breaker.State);
        Family(MetricKind.Gauge, "nexus_gateway_left_out", "1 while it is left out because it fails too large a share.", b => b.Breaker.IsLeftOut ? 1 : 0);

        void Family(MetricKind kind, string name, string help, Func<Backend, double> value)
        {
            if (!to.Begin(name, kind, help))
                return;
            foreach (var (labels, backend) in backends)
                to.Sample(labels, value(backend));
        }
    }
}
