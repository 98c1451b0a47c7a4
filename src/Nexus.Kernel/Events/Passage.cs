using System.Collections.Immutable;

namespace Nexus.Kernel.Events;

/// <summary>One transient event on its way through the levels of its subscribers. Used again for another event once it has left the last of them.</summary>
internal sealed class Passage(TransientDelivery delivery)
{
    private ImmutableArray<ImmutableArray<string>> levels;
    private Action<EventMessage>? replied;
    private int level;
    private int remaining;
    private volatile bool cancelled;
    private CallContext? caller;

    public EventMessage Message { get; private set; } = null!;

    /// <summary>As whom its handlers run; one object for all of them.</summary>
    public CallContext Caller => caller ??= new CallContext(Nexus.Caller.System, Message.Tenant, Correlation);

    private string Correlation => Message.CorrelationId ?? Message.Id.ToString();

    /// <summary>Whether handlers may run under the context of an earlier event.</summary>
    public bool Fits(CallContext context) => context.Tenant == Message.Tenant && context.CorrelationId == Correlation;

    public void Begin(EventMessage message, ImmutableArray<ImmutableArray<string>> subscribers, Action<EventMessage>? whenReplied)
    {
        (Message, levels, replied, level, cancelled) = (message, subscribers, whenReplied, -1, false);
        if (caller is not null && !Fits(caller))
            caller = null;
        PostLevel();
    }

    /// <summary>A subscriber is done with it.</summary>
    public void Leave(EventContext context)
    {
        if (context.Reply is { } reply)
            replied?.Invoke(reply);
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

        (Message, levels, replied) = (null!, default, null);
        delivery.Passed(this);
    }
}
