using Nexus.Engines.Redis.Connections;

namespace Nexus.Engines.Redis.Sharing;

/// <summary>Token buckets, each as one number under <c>nexus:cache:~limit:{key}:bucket</c>: the time in microseconds, by the server's clock, at which it is full again (the generic cell rate algorithm). A full bucket takes no memory.</summary>
internal sealed class RedisLimits(RedisClient redis) : ISharedLimits
{
    private static readonly RedisScript Take = new("""
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local window = tonumber(ARGV[2])
        local period = window / tonumber(ARGV[1])
        local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + period
        local wait = full - now - window
        if wait > tonumber(ARGV[3]) then return {0, 0, math.ceil(wait), math.ceil(full - period - now)} end
        redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.max(1, math.ceil((full - now) / 1000)))
        local left = 0
        if wait <= 0 then left = math.floor((window - (full - now)) / period + 0.000001) end
        return {1, left, math.max(0, math.ceil(wait)), math.ceil(full - now)}
        """);

    public async ValueTask<SharedVerdict> TakeAsync(SharedTake take, CancellationToken cancellationToken)
    {
        var answer = await redis.EvaluateAsync(Take, $"{CacheKey.Prefix}cache:~limit:{CacheKey.Part(take.Key)}:bucket", c => c.Add(take.Requests).Add((long)take.Window.TotalMicroseconds).Add((long)take.Patience.TotalMicroseconds), cancellationToken);
        if (answer.Elements is not [var allowed, var remaining, var wait, var reset])
            throw new RedisException($"Redis answered {answer.Kind} to a count.", isReply: true);
        return new SharedVerdict(allowed.ToInteger() == 1, (int)remaining.ToInteger(), TimeSpan.FromMicroseconds(wait.ToInteger()), TimeSpan.FromMicroseconds(reset.ToInteger()));
    }
}
