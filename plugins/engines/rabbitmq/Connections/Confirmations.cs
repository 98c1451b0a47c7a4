namespace Nexus.Engines.RabbitMq.Connections;

/// <summary>Which messages of a channel the broker has confirmed. It counts as the channel does: from 1, by one a publish. Thread-safe.</summary>
/// <remarks>The client's own tracking makes a task and takes a lock a message; this one does so a batch.</remarks>
internal sealed class Confirmations
{
    private readonly Lock gate = new();
    private readonly List<Batch> open = [];
    private ulong last;
    private Exception? broken;

    /// <summary>Begins a batch of messages that are published next.</summary>
    public Batch Begin(int count)
    {
        lock (gate)
        {
            var batch = new Batch(last + 1, count);
            last += (ulong)count;
            if (broken is not null)
                batch.Fail(broken);
            else
                open.Add(batch);
            return batch;
        }
    }

    public void Confirm(ulong tag, bool multiple, bool taken)
    {
        lock (gate)
        {
            for (var i = 0; i < open.Count && open[i].First <= tag; i++)
            {
                if (open[i].Confirm(tag, multiple, taken))
                    open.RemoveAt(i--);
            }
        }
    }

    /// <summary>A message found no queue; its confirmation follows. Which one it was is not told: all that are open count as not taken.</summary>
    public void Return()
    {
        lock (gate)
            open.ForEach(batch => batch.IsReturned = true);
    }

    public void Break(Exception e)
    {
        lock (gate)
        {
            broken ??= e;
            open.ForEach(batch => batch.Fail(broken));
            open.Clear();
        }
    }

    /// <summary>Messages that were published together.</summary>
    internal sealed class Batch(ulong first, int count)
    {
        private readonly ulong last = first + (ulong)count - 1;
        private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly bool[] confirmed = new bool[count];
        private int below;
        private int left = count;
        private bool isRefused;

        public ulong First => first;

        public bool IsReturned { get; set; }

        public Task Done => done.Task;

        public void Fail(Exception e) => done.TrySetException(e);

        /// <summary>Notes a confirmation; true when it was the last.</summary>
        public bool Confirm(ulong tag, bool multiple, bool taken)
        {
            if (tag > last && !multiple)
                return false;
            var at = (int)(Math.Min(tag, last) - first);
            isRefused |= !taken;
            // All below were confirmed by an earlier one for many.
            for (var i = multiple ? below : at; i <= at; i++)
            {
                if (confirmed[i])
                    continue;
                confirmed[i] = true;
                left--;
            }

            if (multiple)
                below = Math.Max(below, at + 1);
            if (left > 0)
                return false;
            if (IsReturned || isRefused)
                done.TrySetException(new NexusException(ErrorCodes.ServiceUnavailable, IsReturned ? "RabbitMQ has lost a queue." : "RabbitMQ refused a message."));
            else
                done.TrySetResult();
            return true;
        }
    }
}
