namespace Nexus.Kernel.Events;

/// <summary>
/// The transient events of one subscriber: a bounded queue, higher priority first, and one at work at a time, in place on the thread that works the queue off.
/// A handler that exceeds its time limit is told so and left behind, also one that blocks its thread: another thread goes on with the queue. It holds no handler, so a waiting lane keeps no plugin in memory.
/// </summary>
internal sealed class TransientLane(string key, int capacity, HandlerRun handlers, TimeProvider time) : IThreadPoolWorkItem, IDisposable
{
    /// <summary>When to look again at an event whose handler is being found, so that its time limit is not known yet.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly Queue<Passage> normal = new();
    private readonly PriorityQueue<Passage, (int Priority, long Order)> others = new();
    private Run? spare;
    private Run? current;
    private CallContext? context;
    private bool running;
    private bool watched;
    private int turn;
    private long order;
    private long dropped;

    private enum Turn
    {
        Next,
        Empty,
        LeftBehind,
    }

    /// <summary>Events that wait; the one at work is not counted.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
                return normal.Count + others.Count;
        }
    }

    public long Dropped => Interlocked.Read(ref dropped);

    /// <summary>Adds an event; false when the queue is full.</summary>
    public bool TryPost(Passage passage)
    {
        lock (gate)
        {
            if (normal.Count + others.Count >= capacity)
            {
                dropped++;
                return false;
            }

            if (passage.Message.Priority is 0)
                normal.Enqueue(passage);
            else
                others.Enqueue(passage, (-passage.Message.Priority, order++));
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
        Interlocked.Exchange(ref spare, null)?.Limit.Dispose();
    }

    /// <summary>Handles what waits. Two runs take turns, so that what has ended is reported outside of the lock in which the next begins.</summary>
    private async Task DrainAsync(int mine)
    {
        Run? ended = null;
        Outcome? outcome = null;
        for (var next = Interlocked.Exchange(ref spare, null) ?? new Run(); ;)
        {
            var now = time.GetTimestamp();
            var what = Go(mine, ended, next, now);
            if (what == Turn.LeftBehind)
            {
                ended?.Limit.Dispose();
                return;
            }

            if (ended is not null)
            {
                handlers.Report(key, ended.Context, outcome!, time.GetElapsedTime(ended.Started, now));
                ended.Passage.Leave(ended.Context);
                ended.End();
            }

            if (what == Turn.Empty)
            {
                Volatile.Write(ref spare, next);
                return;
            }

            var run = next;
            (ended, next) = (run, ended ?? new Run());
            outcome = await HandleAsync(run);
        }
    }

    private Turn Go(int mine, Run? ended, Run next, long now)
    {
        lock (gate)
        {
            // Another thread has gone on with the queue.
            if (mine != turn || current != ended)
                return Turn.LeftBehind;
            current = null;
            running = TryDequeue(out var passage);
            if (!running)
                return Turn.Empty;
            next.Begin(passage, now);
            current = next;
            return Turn.Next;
        }
    }

    private bool TryDequeue(out Passage passage) =>
        others.TryPeek(out _, out var first) && (first.Priority < 0 || normal.Count == 0) ? others.TryDequeue(out passage!, out _) : normal.TryDequeue(out passage!);

    /// <summary>Not async on purpose: the frame of a handler that hangs would hold its subscriber, and with it the generation. And so what it sets of the flow is the drain's, which is set once for many events.</summary>
    private ValueTask<Outcome> HandleAsync(Run run)
    {
        if (!handlers.TryEnter(key, run.Context, out var subscriber, out var early))
            return new ValueTask<Outcome>(early);
        var limit = subscriber.Descriptor.Timeout;
        if (subscriber.Descriptor.AnswersOnly && run.Passage.Question is { } question)
        {
            var left = question.Patience - time.GetElapsedTime(question.At);
            if (left <= TimeSpan.Zero)
            {
                subscriber.Lease?.Exit();
                return new ValueTask<Outcome>(new Outcome(Ending.TimedOut, "Who asked waits no longer."));
            }

            limit = left < limit ? left : limit;
        }

        run.Begin(limit, subscriber.Descriptor.AnswersOnly);
        // It goes on for as long as something is at work, and something is.
        if (!Volatile.Read(ref watched))
        {
            Volatile.Write(ref watched, true);
            _ = WatchAsync(run.Look(limit));
        }

        if (context is null || !run.Passage.Fits(context))
            context = run.Passage.Caller;
        CallContext.Current = context;
        return HandlerRun.InvokeAsync(subscriber, run.Context, run.Limit);
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

            if (current.Timeout == Timeout.InfiniteTimeSpan)
                return Soon;
            var left = current.Timeout - time.GetElapsedTime(current.Started);
            if (left > TimeSpan.Zero)
                return current.Look(left);
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

    /// <summary>An event at work; used again for another once it has ended.</summary>
    private sealed class Run
    {
        private bool isShort;

        public Passage Passage { get; private set; } = null!;

        public EventContext Context { get; private set; } = null!;

        public CancellationTokenSource Limit { get; private set; } = new();

        public TimeSpan Timeout { get; private set; }

        public long Started { get; private set; }

        public void Begin(Passage passage, long now) => (Passage, Context, Timeout, Started) = (passage, new EventContext(passage.Message, 1), System.Threading.Timeout.InfiniteTimeSpan, now);

        /// <summary>Its time limit, once its handler is known.</summary>
        public void Begin(TimeSpan limit, bool answers) => (isShort, Timeout) = (answers, limit);

        /// <summary>When to look again. Limits of questions differ: the look after the next one's must not wait for the end of this one's.</summary>
        public TimeSpan Look(TimeSpan left) => isShort && left > Often ? Often : left;

        public void End()
        {
            (Passage, Context) = (null!, null!);
            if (Limit.TryReset())
                return;
            Limit.Dispose();
            Limit = new CancellationTokenSource();
        }
    }
}
