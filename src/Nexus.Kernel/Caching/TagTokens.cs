namespace Nexus.Kernel.Caching;

/// <summary>
/// Which token each tag has, as far as this node knows, and when it changed. Bounded: of the tags removed longest ago only the point in time is kept, before which no load may have begun. All calls are under the lock of the memory level.
/// </summary>
internal sealed class TagTokens
{
    private const int Most = 50_000;

    private readonly Dictionary<string, (string Token, long Changed)> known = new(StringComparer.Ordinal);
    private long now;
    private long floor;

    /// <summary>The point in time; what changes later has a greater one.</summary>
    public long Now => now;

    /// <summary>The token of a tag, or null when this node does not know it.</summary>
    public string? Find(string tag) => known.TryGetValue(tag, out var one) ? one.Token : null;

    /// <summary>Whether a load that began at a point saw the tag as it is now.</summary>
    public bool IsUnchanged(string tag, long since) => (known.TryGetValue(tag, out var one) ? one.Changed : floor) <= since;

    /// <summary>Learns the token of a tag from a shared level.</summary>
    public void Learn(string tag, string token)
    {
        Bound();
        if (!known.TryGetValue(tag, out var one) || one.Token != token)
            known[tag] = (token, one.Token is null ? floor : ++now);
    }

    /// <summary>Gives the tag another token.</summary>
    public void Change(string tag, string token)
    {
        Bound();
        known[tag] = (token, ++now);
    }

    /// <summary>Forgets every tag: what was loaded from before counts no more.</summary>
    public void Forget()
    {
        known.Clear();
        floor = ++now;
    }

    private void Bound()
    {
        if (known.Count < Most)
            return;
        foreach (var old in known.OrderBy(k => k.Value.Changed).Take(Most / 2).ToArray())
        {
            known.Remove(old.Key);
            floor = Math.Max(floor, old.Value.Changed);
        }
    }
}
