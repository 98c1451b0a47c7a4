namespace Nexus.Kernel.Nodes;

/// <summary>Which nodes live, as this one sees it: who renewed its lease within the lease, by the clock of the watcher, so that clocks need not agree. A node that is seen for the first time lives, and has a whole lease to prove it. Thread-safe.</summary>
internal sealed class NodeSightings(TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, (long Revision, long Since)> seen = new(StringComparer.Ordinal);

    /// <summary>Notes what is stored of a node now; whether it lives.</summary>
    public bool Note(string id, long revision, TimeSpan lease)
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            if (!seen.TryGetValue(id, out var known) || known.Revision != revision)
                seen[id] = known = (revision, now);
            return time.GetElapsedTime(known.Since, now) <= lease;
        }
    }

    /// <summary>Forgets nodes that are not stored any more.</summary>
    public void Keep(IEnumerable<string> ids)
    {
        lock (gate)
        {
            foreach (var gone in seen.Keys.Except(ids).ToList())
                seen.Remove(gone);
        }
    }
}
