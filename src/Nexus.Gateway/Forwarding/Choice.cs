using System.Collections.Immutable;

namespace Nexus.Gateway.Forwarding;

/// <summary>Chooses the node that a request goes to. Thread-safe.</summary>
internal sealed class Choice(ForwardingSettings settings)
{
    // Multiples of the golden ratio spread evenly over any partition of the unit interval, from the first request on: shares hold without a lock.
    private const double Golden = 0.61803398874989484820;
    private long turn;

    // A count of its own: two choices a request from one count would give each of them every other number only.
    private long versionTurn;

    /// <summary>The next place to try, or null when none may be asked.</summary>
    /// <param name="places">All there are.</param>
    /// <param name="route">The rule of the path, or null.</param>
    /// <param name="tried">Those that failed this request already.</param>
    public Place? Next(ImmutableArray<Place> places, ForwardingRoute? route, IReadOnlySet<Backend> tried)
    {
        var open = places.Where(p => !tried.Contains(p.Backend) && p.Backend.Breaker.Wait == TimeSpan.Zero).ToList();
        // Whom nobody trusts is asked before nobody is.
        var good = open.Where(p => p.IsReady && !p.Backend.Breaker.IsLeftOut).ToList();
        foreach (var pool in new[] { good, open })
        {
            var left = route is { Versions.Count: > 0 } ? OfVersion(pool, route) : pool;
            while (left.Count > 0)
            {
                var chosen = settings.Current.Balancing == Balancing.RoundRobin ? ByShare(ref turn, left, p => p.Weight) : Idlest(left);
                if (chosen.Backend.Breaker.TryEnter())
                    return chosen;
                left.Remove(chosen);
            }
        }

        return null;
    }

    private List<Place> OfVersion(List<Place> places, ForwardingRoute route)
    {
        var versions = places.Select(p => p.Version).Distinct(StringComparer.Ordinal).Where(v => route.Versions.TryGetValue(v, out var weight) && weight > 0).Order(StringComparer.Ordinal).ToList();
        if (versions.Count == 0)
            return [];
        var version = ByShare(ref versionTurn, versions, v => route.Versions[v]);
        return places.Where(p => p.Version == version).ToList();
    }

    private Place Idlest(List<Place> places)
    {
        // Beginning elsewhere each time, so that of those that are idle alike each has its turn.
        var begin = (int)(Interlocked.Increment(ref turn) % places.Count);
        var best = places[begin];
        for (var i = 1; i < places.Count; i++)
        {
            var other = places[(begin + i) % places.Count];
            if ((other.Backend.UnderWay + 1) / other.Weight < (best.Backend.UnderWay + 1) / best.Weight)
                best = other;
        }

        return best;
    }

    private static T ByShare<T>(ref long turn, List<T> all, Func<T, double> weight)
    {
        var point = Interlocked.Increment(ref turn) * Golden % 1 * all.Sum(weight);
        foreach (var one in all)
        {
            point -= weight(one);
            if (point < 0)
                return one;
        }

        return all[^1];
    }
}
