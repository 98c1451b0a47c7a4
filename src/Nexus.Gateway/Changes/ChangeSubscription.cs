using System.Runtime.CompilerServices;

namespace Nexus.Gateway.Changes;

/// <summary>
/// One reader of the <see cref="ChangeFeed"/>, with a bounded queue. 1. Who comes back reads the log until it is at its end. 2. It joins the feed. 3. It reads what the log
/// got in between. 4. From there on it takes what the feed offers and passes over what it has read already.
/// </summary>
internal sealed class ChangeSubscription(ChangeFeed feed, ChangeWish wish) : IDisposable
{
    private const int MaxBatch = 64;
    private readonly ChangeQueue waiting = new(wish.Capacity);
    private volatile bool isTooSlow;

    /// <summary>What it wants to hear.</summary>
    public ChangeWish Wish { get; } = wish;

    /// <summary>By which the platform knows that somebody listens; null while it is not attached.</summary>
    public IDisposable? Listening { get; set; }

    /// <summary>Everything after this position reaches it.</summary>
    public long StartedAt { get; set; }

    /// <summary>Position up to which everything was given to the reader.</summary>
    public long ReadTo { get; private set; }

    /// <summary>Called once when more waits than may; the reader is told at its next step. Must not wait.</summary>
    public Action? TooSlow { get; set; }

    /// <summary>What the feed has. Never waits.</summary>
    public void Offer(Change change)
    {
        if (change.Message.Tenant != Wish.Tenant || isTooSlow || waiting.TryWrite(change))
            return;
        isTooSlow = true;
        if (waiting.Close())
            TooSlow?.Invoke();
    }

    /// <summary>What happened and happens, in order, some at a time. Enumerated once.</summary>
    /// <exception cref="FollowerTooSlowException">More waits than may.</exception>
    public async IAsyncEnumerable<IReadOnlyList<Change>> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ReadTo = StartedAt;
        if (Wish.After is not null)
        {
            await foreach (var page in CatchUpAsync(cancellationToken))
                yield return page;
            feed.Attach(this);
            await foreach (var page in CatchUpAsync(cancellationToken))
                yield return page;
        }
        using var cancelled = cancellationToken.UnsafeRegister(static (queue, token) => ((ChangeQueue)queue!).Cancel(token), waiting);
        while (await waiting.WaitAsync())
        {
            // What waits is not worked off first: who is too slow is to come back, and gets it then.
            if (isTooSlow)
                break;
            if (Take() is { Count: > 0 } batch)
            {
                yield return batch;
                ReadTo = batch.Max(change => change.At) is { } newest ? Math.Max(newest, ReadTo) : ReadTo;
            }
        }
        throw new FollowerTooSlowException(Wish.Capacity, ReadTo);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        feed.Detach(this);
        waiting.Close();
    }

    private async IAsyncEnumerable<IReadOnlyList<Change>> CatchUpAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await feed.ReadAsync(Wish, ReadTo, cancellationToken) is { Events: { Length: > 0 } events } page)
        {
            yield return [.. events.Select(stored => new Change(stored.Message, stored.Sequence))];
            ReadTo = Math.Max(page.LastSequence, ReadTo);
        }
    }

    private List<Change> Take()
    {
        var batch = new List<Change>(1);
        while (batch.Count < MaxBatch && waiting.TryRead(out var change))
        {
            if (change.At is null || change.At > ReadTo)
                batch.Add(change);
        }
        return batch;
    }
}

/// <summary>A subscriber did not keep up; it is ended and told so, rather than events being left out in silence.</summary>
internal sealed class FollowerTooSlowException(int capacity, long last)
    : NexusException(ErrorCodes.RateLimited, $"More than {capacity} events wait for this subscriber; it was too slow and is ended.")
{
    /// <summary>Position up to which everything was given to it.</summary>
    public long Last { get; } = last;
}
