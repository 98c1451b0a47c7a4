using System.Collections.Immutable;

namespace Nexus.Kernel.Events.Transport;

/// <summary>The windows of the queues that a relay sends to. Not thread-safe.</summary>
internal sealed class SendWindows(TransportLink link, TimeProvider time)
{
    private readonly Dictionary<string, SendWindow> windows = new(StringComparer.Ordinal);

    public bool IsFull(string queue) => windows.TryGetValue(queue, out var window) && window.IsFull;

    public SendWindow Of(string queue, TimeSpan lease)
    {
        if (!windows.TryGetValue(queue, out var window))
            windows[queue] = window = new SendWindow(lease);
        return window;
    }

    /// <summary>Notes what was sent.</summary>
    public void Sent(IEnumerable<KeyValuePair<string, int>> counts, TimeSpan lease)
    {
        var now = time.GetTimestamp();
        foreach (var (queue, count) in counts)
            Of(queue, lease).Sent(count, now);
    }

    /// <summary>Asks how much waits in the queues that are full.</summary>
    public async ValueTask LookAsync(IEventTransport transport, CancellationToken stoppingToken)
    {
        ImmutableArray<string> full = [.. windows.Where(w => w.Value.IsFull).Select(w => w.Key)];
        if (full.IsEmpty)
            return;
        try
        {
            var state = await transport.LookAsync(full, stoppingToken);
            var now = time.GetTimestamp();
            foreach (var queue in full)
                windows[queue].Look(state.Waiting.GetValueOrDefault(queue), now, time);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            link.Failed(e);
            // What waits there now is not known: when the engine answers again, the count begins anew.
            windows.Clear();
        }
    }
}
