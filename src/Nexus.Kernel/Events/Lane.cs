namespace Nexus.Kernel.Events;

/// <summary>Runs work one after the other: higher priority first, first in first out within. Nothing of it lives while it is empty. The work holds data and keys, never a handler, so a waiting lane keeps no plugin in memory.</summary>
internal sealed class Lane<T>(int capacity, Func<T, Task> run)
{
    private readonly Lock gate = new();
    private readonly PriorityQueue<T, (int Priority, long Order)> queue = new();
    private bool running;
    private long order;
    private long dropped;

    /// <summary>Work that waits; the one that runs is not counted.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
                return queue.Count;
        }
    }

    public long Dropped => Interlocked.Read(ref dropped);

    /// <summary>Adds work; false when the lane is full.</summary>
    public bool TryPost(T work, int priority)
    {
        lock (gate)
        {
            if (queue.Count >= capacity)
            {
                dropped++;
                return false;
            }

            queue.Enqueue(work, (-priority, order++));
            if (running)
                return true;
            running = true;
        }

        // The publisher may be plugin code: its AsyncLocals must not travel with the lane.
        using (ExecutionContext.SuppressFlow())
            _ = Task.Run(DrainAsync);
        return true;
    }

    /// <summary>Takes the next ones as well, for as long as they fit. Called by the work at hand only.</summary>
    public List<T> TakeMore(int most, Func<T, bool> fits)
    {
        var more = new List<T>();
        lock (gate)
        {
            while (more.Count < most && queue.TryPeek(out var next, out _) && fits(next))
                more.Add(queue.Dequeue());
        }

        return more;
    }

    private async Task DrainAsync()
    {
        while (TryTake(out var work))
            await run(work);
    }

    private bool TryTake(out T work)
    {
        lock (gate)
        {
            running = queue.TryDequeue(out work!, out _);
            return running;
        }
    }
}
