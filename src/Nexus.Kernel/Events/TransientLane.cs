namespace Nexus.Kernel.Events;

/// <summary>
/// The transient events of one subscriber: a bounded queue, higher priority first, and one at work at a time, in place on the thread that works the queue off.
/// A handler that exceeds its time limit is told so and left behind, also one that blocks its thread: another thread goes on with the queue. It holds no handler, so a waiting lane keeps no plugin in memory.
/// </summary>
internal sealed class TransientLane(string key, int capacity, HandlerRun handlers, TimeProvider time) : IThreadPoolWorkItem, IDisposable
{
    private readonly Lock gate = new();
    private readonly PriorityQueue<Passage, (int Priority, long Order)> queue = new();
    private CancellationTokenSource? spare;
    private Run? current;
    private bool running;
    private bool watched;
    private int turn;
    private long order;
    private long dropped;

    /// <summary>Events that wait; the one at work is not counted.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
                return queue.Count;
        }
    }

    public long Dropped => Interlocked.Read(ref dropped);

    /// <summary>Adds an event; false when the queue is full.</summary>
    public bool TryPost(Passage passage)
    {
        lock (gate)
        {
            if (queue.Count >= capacity)
            {
                dropped++;
                return false;
            }

            queue.Enqueue(passage, (-passage.Message.Priority, order++));
            if (running)
                return true;
            running = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    public void Execute() => _ = DrainAsync(Volatile.Read(ref turn));

    public void Dispose()
    {
        lock (gate)
            Interlocked.Exchange(ref spare, null)?.Dispose();
    }

    private async Task DrainAsync(int mine)
    {
        while (TryTake(mine, out var passage))
            await HandleAsync(passage);
    }

    private bool TryTake(int mine, out Passage passage)
    {
        lock (gate)
        {
            passage = null!;
            // Another thread has gone on with the queue.
            if (mine != turn)
                return false;
            running = queue.TryDequeue(out passage!, out _);
            return running;
        }
    }

    /// <summary>Not async on purpose: the frame of a handler that hangs would hold its subscriber, and with it the generation.</summary>
    private ValueTask HandleAsync(Passage passage)
    {
        var context = new EventContext(passage.Message, 1);
        if (!handlers.TryEnter(key, context, out var subscriber, out var early))
        {
            handlers.Report(key, context, early, TimeSpan.Zero);
            passage.Leave(context);
            return ValueTask.CompletedTask;
        }

        var run = Begin(passage, context, subscriber.Descriptor.Timeout);
        var handled = HandlerRun.InvokeAsync(subscriber, context, run.Limit);
        if (!handled.IsCompletedSuccessfully)
            return new ValueTask(EndAsync(run, handled));
        End(run, handled.Result);
        return ValueTask.CompletedTask;
    }

    private Run Begin(Passage passage, EventContext context, TimeSpan timeout)
    {
        lock (gate)
        {
            var run = new Run(passage, context, Interlocked.Exchange(ref spare, null) ?? new CancellationTokenSource(), timeout, time.GetTimestamp());
            current = run;
            if (!watched)
            {
                watched = true;
                _ = WatchAsync(timeout);
            }

            return run;
        }
    }

    private async Task EndAsync(Run run, ValueTask<Outcome> handled) => End(run, await handled);

    private void End(Run run, Outcome outcome)
    {
        lock (gate)
        {
            if (current != run)
            {
                // It was left behind, and has ended now.
                run.Limit.Dispose();
                return;
            }

            current = null;
            if (run.Limit.TryReset())
                spare = run.Limit;
            else
                run.Limit.Dispose();
        }

        handlers.Report(key, run.Context, outcome, time.GetElapsedTime(run.Started));
        run.Passage.Leave(run.Context);
    }

    /// <summary>One look a time limit, not one timer an event.</summary>
    private async Task WatchAsync(TimeSpan wait)
    {
        for (TimeSpan? next = wait; next is { } left; next = Look())
            await Task.Delay(left, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private TimeSpan? Look()
    {
        Run over;
        lock (gate)
        {
            if (current is null)
            {
                watched = false;
                return null;
            }

            var left = current.Timeout - time.GetElapsedTime(current.Started);
            if (left > TimeSpan.Zero)
                return left;
            (over, current, watched) = (current, null, false);
            turn++;
        }

        // Off this thread: a handler may have left code of its own to run at the end of its time.
        _ = over.Limit.CancelAsync();
        handlers.Report(key, over.Context, new Outcome(Ending.TimedOut, $"The handler exceeded its time limit of {over.Timeout}."), time.GetElapsedTime(over.Started));
        over.Passage.Leave(over.Context);
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return null;
    }

    /// <summary>An event at work.</summary>
    private sealed class Run(Passage passage, EventContext context, CancellationTokenSource limit, TimeSpan timeout, long started)
    {
        public Passage Passage => passage;

        public EventContext Context => context;

        public CancellationTokenSource Limit => limit;

        public TimeSpan Timeout => timeout;

        public long Started => started;
    }
}
