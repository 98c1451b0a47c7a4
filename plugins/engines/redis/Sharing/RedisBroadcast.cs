using Nexus.Engines.Redis.Connections;
using Nexus.Engines.Redis.Protocol;

namespace Nexus.Engines.Redis.Sharing;

/// <summary>Messages between nodes by publish and subscribe; a cluster carries them to all of its servers.</summary>
internal sealed class RedisBroadcast(RedisClient redis) : IBroadcast
{
    public async ValueTask PublishAsync(string channel, ReadOnlyMemory<byte> message, CancellationToken cancellationToken) =>
        await redis.SendAsync(RespCommand.Of("PUBLISH", channel).Add(message.Span), cancellationToken);

    public IDisposable Subscribe(string channel, BroadcastListener listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        return redis.Subscribe(channel, listener.Received, listener.Connected);
    }
}
