namespace Nexus.Engines.RabbitMq.Connections;

/// <summary>What a channel has brought and nobody has acknowledged. Its numbers go up by one a message, so that all below one can be acknowledged at once. Thread-safe.</summary>
internal sealed class Unacknowledged
{
    private readonly Lock gate = new();
    private readonly List<Entry> open = [];
    private int done;
    private ulong first = 1;

    private enum State
    {
        Open,
        Settled,
        Now,
    }

    /// <summary>A message has come.</summary>
    public void Add(ulong tag, GroupConsumer consumer, long now)
    {
        lock (gate)
        {
            while (first + (ulong)(open.Count - done) < tag)
                open.Add(new Entry(null, 0) { State = State.Settled });
            open.Add(new Entry(consumer, now));
            consumer.Held++;
        }
    }

    /// <summary>Notes that these are settled with the broker one by one, each by a call of its own.</summary>
    public void Settle(ulong tag)
    {
        lock (gate)
        {
            if (IndexOf(tag) is { } at)
                Note(at, State.Settled);
        }
    }

    /// <summary>What to tell the broker of those that are done: their numbers, and whether each stands for all below it.</summary>
    public List<(ulong Tag, bool Multiple)> Acknowledge(List<ulong> tags)
    {
        var told = new List<(ulong, bool)>();
        lock (gate)
        {
            foreach (var tag in tags)
            {
                if (IndexOf(tag) is { } at)
                    Note(at, State.Now);
            }

            // The number of a message that the broker has no more would be an error: the last one of now stands for the others.
            var (last, count) = (0UL, 0);
            for (; done < open.Count && open[done].State != State.Open; done++, first++)
            {
                if (open[done].State == State.Now)
                    (last, count) = (first, count + 1);
            }

            if (count > 0)
                told.Add((last, count > 1));
            foreach (var tag in tags)
            {
                if (IndexOf(tag) is not { } at || open[at].State != State.Now)
                    continue;
                open[at] = open[at] with { State = State.Settled };
                told.Add((tag, false));
            }

            if (done > 1024 && done > open.Count / 2)
            {
                open.RemoveRange(0, done);
                done = 0;
            }
        }

        return told;
    }

    /// <summary>The consumer of a message and when it came; null for one that is not known.</summary>
    public (GroupConsumer Consumer, long At)? Find(ulong tag)
    {
        lock (gate)
            return IndexOf(tag) is { } at && open[at].Consumer is { } consumer ? (consumer, open[at].At) : null;
    }

    private int? IndexOf(ulong tag) => tag >= first && done + (int)(tag - first) is var at && at < open.Count ? at : null;

    private void Note(int at, State state)
    {
        if (open[at].State != State.Open)
            return;
        open[at].Consumer!.Held--;
        open[at] = open[at] with { State = state };
    }

    private readonly record struct Entry(GroupConsumer? Consumer, long At)
    {
        public State State { get; init; }
    }
}
