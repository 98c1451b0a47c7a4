using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>The host's side of the ports that an engine's plugin brings: each call holds the plugin's lease, and after the unload there is nothing behind them.</summary>
internal static class SharedSlots
{
    /// <summary>Can be cut off.</summary>
    internal interface ICut
    {
        void Cut();
    }

    internal sealed class Level(ICacheLevel target, IGeneration lease) : ICacheLevel, ICut
    {
        private readonly Port<ICacheLevel> port = new(target, lease);

        public void Cut() => port.Cut();

        public ValueTask<CacheAnswer> FindAsync(string key, TimeSpan claim, CancellationToken cancellationToken) =>
            port.CallAsync(p => p.FindAsync(key, claim, cancellationToken));

        public ValueTask<bool> StoreAsync(string key, CacheRecord? record, string? claim, CancellationToken cancellationToken) =>
            port.CallAsync(p => p.StoreAsync(key, record, claim, cancellationToken));

        public ValueTask<long> RemoveAsync(CacheRemoval removal, CancellationToken cancellationToken) =>
            port.CallAsync(p => p.RemoveAsync(removal, cancellationToken));

        public ValueTask<long> AddAsync(string key, long by, TimeSpan life, CancellationToken cancellationToken) =>
            port.CallAsync(p => p.AddAsync(key, by, life, cancellationToken));

        public ValueTask<CacheLevelState> LookAsync(CancellationToken cancellationToken) => port.CallAsync(p => p.LookAsync(cancellationToken));
    }

    internal sealed class Broadcast(IBroadcast target, IGeneration lease) : IBroadcast, ICut
    {
        private readonly Port<IBroadcast> port = new(target, lease);

        public void Cut() => port.Cut();

        public ValueTask PublishAsync(string channel, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) => port.CallAsync(p => p.PublishAsync(channel, message, cancellationToken));

        public IDisposable Subscribe(string channel, BroadcastListener listener) => port.Target.Subscribe(channel, listener);
    }

    internal sealed class Leases(ILeases target, IGeneration lease) : ILeases, ICut
    {
        private readonly Port<ILeases> port = new(target, lease);

        public void Cut() => port.Cut();

        public ValueTask<Lease?> TryAcquireAsync(string name, TimeSpan life, CancellationToken cancellationToken) =>
            port.CallAsync(p => p.TryAcquireAsync(name, life, cancellationToken));

        public ValueTask<bool> RenewAsync(Lease lease, TimeSpan life, CancellationToken cancellationToken) => port.CallAsync(p => p.RenewAsync(lease, life, cancellationToken));

        public ValueTask<bool> ReleaseAsync(Lease lease, CancellationToken cancellationToken) => port.CallAsync(p => p.ReleaseAsync(lease, cancellationToken));
    }

    internal sealed class Limits(ISharedLimits target, IGeneration lease) : ISharedLimits, ICut
    {
        private readonly Port<ISharedLimits> port = new(target, lease);

        public void Cut() => port.Cut();

        public ValueTask<SharedVerdict> TakeAsync(SharedTake take, CancellationToken cancellationToken) => port.CallAsync(p => p.TakeAsync(take, cancellationToken));
    }

    internal sealed class Transport(IEventTransport target, IGeneration lease) : IEventTransport, ICut
    {
        private readonly Port<IEventTransport> port = new(target, lease);

        public void Cut() => port.Cut();

        public ValueTask ListenAsync(ImmutableArray<string> groups, CancellationToken cancellationToken) => port.CallAsync(p => p.ListenAsync(groups, cancellationToken));

        public ValueTask SendAsync(ImmutableArray<TransportMessage> messages, CancellationToken cancellationToken) => port.CallAsync(p => p.SendAsync(messages, cancellationToken));

        public ValueTask<ImmutableArray<ReceivedMessage>> ReceiveAsync(TransportReceive receive, CancellationToken cancellationToken) => port.CallAsync(p => p.ReceiveAsync(receive, cancellationToken));

        public ValueTask AcknowledgeAsync(ImmutableArray<TransportReceipt> receipts, CancellationToken cancellationToken) => port.CallAsync(p => p.AcknowledgeAsync(receipts, cancellationToken));

        public ValueTask<TransportState> LookAsync(ImmutableArray<string> groups, CancellationToken cancellationToken) => port.CallAsync(p => p.LookAsync(groups, cancellationToken));
    }

    internal sealed class Passing(INodeTransport target, IGeneration lease) : INodeTransport, ICut
    {
        private readonly Port<INodeTransport> port = new(target, lease);

        public void Cut() => port.Cut();

        public Task<NodeAnswer> SendAsync(HttpContext context, NodeSending sending) => port.CallAsync(p => new ValueTask<NodeAnswer>(p.SendAsync(context, sending))).AsTask();
    }

    /// <summary>One port of the plugin.</summary>
    private sealed class Port<T>(T target, IGeneration lease)
        where T : class
    {
        private T? target = target;

        public T Target => target ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "The plugin that brought this port has been unloaded.");

        public void Cut() => target = null;

        public async ValueTask CallAsync(Func<T, ValueTask> call) => await CallAsync(async target =>
        {
            await call(target);
            return true;
        });

        public async ValueTask<TAnswer> CallAsync<TAnswer>(Func<T, ValueTask<TAnswer>> call)
        {
            if (!lease.TryEnter())
                throw new NexusException(ErrorCodes.ServiceUnavailable, "The plugin that brought this port is being stopped.");
            try
            {
                return await call(Target);
            }
            finally
            {
                lease.Exit();
            }
        }
    }
}
