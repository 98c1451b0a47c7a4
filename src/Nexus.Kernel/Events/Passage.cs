using System.Collections.Immutable;

namespace Nexus.Kernel.Events;

/// <summary>One transient event on its way through the levels of its subscribers. Used again for another event once it has left the last of them.</summary>
internal sealed class Passage(TransientDelivery delivery)
{
    private ImmutableArray<ImmutableArray<string>> levels;
    private Question? question;
    private int level;
    private int remaining;
    private volatile bool cancelled;
    private CallContext? caller;

    public EventMessage Message { get; private set; } = null!;

    /// <summary>As whom its handlers run; one object for all of them.</summary>
    public CallContext Caller => caller ??= SystemEvents.ContextFor(Message, Correlation);

    private string Correlation => Message.CorrelationId ?? Message.Id.ToString();

    /// <summary>Whether handlers may run under the context of an earlier event.</summary>
    public bool Fits(CallContext context) => context.Tenant == Message.Tenant && context.CorrelationId == Correlation && ReferenceEquals(context.Caller, SystemEvents.CallerFor(Message));

    /// <summary>Who asked by it; null when nobody waits for an answer.</summary>
    public Question? Question => question;

    public void Begin(EventMessage message, ImmutableArray<ImmutableArray<string>> subscribers, Question? asked)
    {
        (Message, levels, question, level, cancelled) = (message, subscribers, asked, -1, false);
        if (caller is not null && !Fits(caller))
            caller = null;
        PostLevel();
    }

    /// <summary>A subscriber is done with it.</summary>
    public void Leave(EventContext context)
    {
        if (context.Reply is { } reply)
            question?.Replied(reply);
        if (context.Cancelled)
        {
            cancelled = true;
            delivery.Cancelled(Message);
        }

        Leave();
    }

    private void PostLevel()
    {
        var keys = levels[++level];
        remaining = keys.Length;
        // After the last of these it may belong to another event.
        foreach (var key in keys)
        {
            if (!delivery.TryPost(key, this))
                Leave();
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref remaining) != 0)
            return;
        if (!cancelled && level + 1 < levels.Length)
        {
            PostLevel();
            return;
        }

        (Message, levels, question) = (null!, default, null);
        delivery.Passed(this);
    }
}

/// <summary>One who waits for the answer to an event.</summary>
/// <param name="Replied">Called with each reply.</param>
/// <param name="At">When it was asked, as a timestamp of the clock.</param>
/// <param name="Patience">For how long it waits.</param>
internal sealed record Question(Action<EventMessage> Replied, long At, TimeSpan Patience);
