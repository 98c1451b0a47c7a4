namespace Nexus.Kernel.Events;

/// <summary>Who listens to what the platform does: subscriptions whose pattern begins with the topic's word, and those who say so.</summary>
internal sealed class SystemEvents(Subscribers subscribers, EventBus bus) : ISystemEvents
{
    /// <summary>As whom handlers of such events run. Equal to the platform itself, and told from it by being another object.</summary>
    private static readonly Caller Listener = Caller.System with { };

    private static readonly (string Word, SystemTopic Topic)[] Words = [("http", SystemTopic.Requests), ("database", SystemTopic.Database), ("data", SystemTopic.Data), ("task", SystemTopic.Tasks), ("system", SystemTopic.System), ("event", SystemTopic.Events)];

    private readonly Lock gate = new();
    private readonly List<SystemTopic> listeners = [];
    private volatile SystemTopic listened;

    public bool Hears(SystemTopic topic) => ((subscribers.Topics | listened) & topic) != 0 && !ReferenceEquals(CallContext.Current.Caller, Listener);

    public void Tell(string name, ReadOnlyMemory<byte> data, CallContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        // A transient publish ends before it returns.
        _ = bus.PublishAsync(new EventMessage { Name = name, Data = data, Tenant = context.Tenant, CorrelationId = context.CorrelationId }, Delivery.Transient).AsTask();
    }

    public IDisposable Listen(EventPattern pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var topic = TopicOf(pattern.Text);
        Change(() => listeners.Add(topic));
        return new Removal(() => Change(() => listeners.Remove(topic)));
    }

    /// <summary>The topic of a name or pattern.</summary>
    public static SystemTopic TopicOf(string text)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
            return SystemTopic.None;
        foreach (var (word, topic) in Words)
        {
            if (text.AsSpan(0, dot).SequenceEqual(word))
                return topic;
        }

        return SystemTopic.None;
    }

    /// <summary>The context in which handlers of an event run.</summary>
    public static CallContext ContextFor(EventMessage message, string correlation) => new(CallerFor(message), message.Tenant, correlation);

    /// <summary>As whom handlers of an event run.</summary>
    public static Caller CallerFor(EventMessage message) => message.Source == EventBus.HostSource && TopicOf(message.Name) != SystemTopic.None ? Listener : Caller.System;

    private void Change(Action change)
    {
        lock (gate)
        {
            change();
            listened = listeners.Aggregate(SystemTopic.None, static (all, one) => all | one);
        }
    }

    private sealed class Removal(Action remove) : IDisposable
    {
        private Action? remove = remove;

        public void Dispose() => Interlocked.Exchange(ref remove, null)?.Invoke();
    }
}
