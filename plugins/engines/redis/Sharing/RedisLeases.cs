using Nexus.Engines.Redis.Connections;

namespace Nexus.Engines.Redis.Sharing;

/// <summary>
/// Leases as hashes <c>nexus:cache:~lease:{name}:holder</c>, by the server's clock. The hash outlives the lease by a week, so that the fencing token grows from holder to holder;
/// where it was lost with the server's memory, it goes on from the time in milliseconds, which no count of holders reaches. On one server; a fail-over to a replica that had not heard of a lease yet may give it twice, which is what the token is for.
/// </summary>
internal sealed class RedisLeases(RedisClient redis) : ILeases
{
    private static readonly RedisScript Acquire = new("""
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)
        local h = redis.call('HMGET', KEYS[1], 'holder', 'until', 'token')
        if h[1] and h[1] ~= '' and (tonumber(h[2]) or 0) > now then return 0 end
        local token = math.max((tonumber(h[3]) or 0) + 1, now)
        redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', now + ARGV[2], 'token', string.format('%.0f', token))
        redis.call('PEXPIRE', KEYS[1], ARGV[2] + 604800000)
        return token
        """);

    private static readonly RedisScript Renew = new("""
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)
        local h = redis.call('HMGET', KEYS[1], 'holder', 'until')
        if h[1] ~= ARGV[1] or (tonumber(h[2]) or 0) <= now then return 0 end
        redis.call('HSET', KEYS[1], 'until', now + ARGV[2])
        if ARGV[2] == '0' then redis.call('HSET', KEYS[1], 'holder', '') end
        redis.call('PEXPIRE', KEYS[1], ARGV[2] + 604800000)
        return 1
        """);

    public async ValueTask<Lease?> TryAcquireAsync(string name, TimeSpan life, CancellationToken cancellationToken)
    {
        var holder = Guid.NewGuid().ToString("N");
        var token = await redis.EvaluateAsync(Acquire, KeyOf(name), c => c.Add(holder).Add((long)life.TotalMilliseconds), cancellationToken);
        return token.ToInteger() is > 0 and var number ? new Lease(name, holder, number) : null;
    }

    public ValueTask<bool> RenewAsync(Lease lease, TimeSpan life, CancellationToken cancellationToken) => ChangeAsync(lease, Math.Max(1, (long)life.TotalMilliseconds), cancellationToken);

    public ValueTask<bool> ReleaseAsync(Lease lease, CancellationToken cancellationToken) => ChangeAsync(lease, 0, cancellationToken);

    private async ValueTask<bool> ChangeAsync(Lease lease, long life, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(lease);
        return (await redis.EvaluateAsync(Renew, KeyOf(lease.Name), c => c.Add(lease.Holder).Add(life), cancellationToken)).ToInteger() == 1;
    }

    private static string KeyOf(string name) => $"{CacheKey.Prefix}cache:~lease:{CacheKey.Part(name)}:holder";
}
