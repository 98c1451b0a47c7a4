using System.Collections.Concurrent;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Live;

/// <summary>Counts the open connections of each caller.</summary>
internal sealed class LiveConnections
{
    private readonly ConcurrentDictionary<string, int> open = new(StringComparer.Ordinal);

    /// <summary>All that are open.</summary>
    public int Count => open.Values.Sum();

    /// <summary>Counts a connection until the answer is disposed; null when the caller has as many as it may.</summary>
    public IDisposable? TryEnter(OpenCaller caller, int limit)
    {
        var context = caller.Context;
        var key = caller.IsAnonymous ? $"address {context.Address}" : $"{context.Tenant} {context.Caller.Id}";
        if (open.AddOrUpdate(key, 1, static (_, count) => count + 1) <= limit)
            return new Place(this, key);
        Leave(key);
        return null;
    }

    private void Leave(string key)
    {
        if (open.AddOrUpdate(key, 0, static (_, count) => count - 1) == 0)
            open.TryRemove(new KeyValuePair<string, int>(key, 0));
    }

    private sealed class Place(LiveConnections all, string key) : IDisposable
    {
        private int left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref left, 1) == 0)
                all.Leave(key);
        }
    }
}
