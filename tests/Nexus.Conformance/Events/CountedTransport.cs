using System.Collections.Immutable;

namespace Nexus.Conformance.Events;

/// <summary>The plugin of a transport with a count of what went through it, so that a test does not pass on deliveries from the database. Thread-safe.</summary>
public sealed class CountedTransport(Func<IPlugin> create) : IPlugin
{
    private long handedOut;

    /// <summary>Messages that nodes received.</summary>
    public long HandedOut => Interlocked.Read(ref handedOut);

    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        create().Configure(plugin);
        for (var i = 0; i < plugin.Services.Count; i++)
        {
            if (plugin.Services[i].ImplementationInstance is not SharedPortsContribution brought)
                continue;
            plugin.Services.RemoveAt(i);
            plugin.Contribute(new SharedPortsContribution(services => brought.Open(services) is { Events: { } events, Tasks: { } tasks } ports ? ports with { Events = new Counting(events, this), Tasks = new Counting(tasks, this) } : null));
            return;
        }
    }

    private sealed class Counting(IEventTransport inner, CountedTransport owner) : IEventTransport
    {
        public ValueTask ListenAsync(ImmutableArray<string> groups, CancellationToken cancellationToken) => inner.ListenAsync(groups, cancellationToken);

        public ValueTask SendAsync(ImmutableArray<TransportMessage> messages, CancellationToken cancellationToken) => inner.SendAsync(messages, cancellationToken);

        public async ValueTask<ImmutableArray<ReceivedMessage>> ReceiveAsync(TransportReceive receive, CancellationToken cancellationToken)
        {
            var received = await inner.ReceiveAsync(receive, cancellationToken);
            Interlocked.Add(ref owner.handedOut, received.Length);
            return received;
        }

        public ValueTask AcknowledgeAsync(ImmutableArray<TransportReceipt> receipts, CancellationToken cancellationToken) => inner.AcknowledgeAsync(receipts, cancellationToken);

        public ValueTask<TransportState> LookAsync(ImmutableArray<string> groups, CancellationToken cancellationToken) => inner.LookAsync(groups, cancellationToken);
    }
}
