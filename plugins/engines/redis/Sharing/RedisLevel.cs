using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Nexus.Engines.Redis.Connections;
using Nexus.Engines.Redis.Protocol;

namespace Nexus.Engines.Redis.Sharing;

/// <summary>
/// The cache in Redis. An entry is a hash under its own key: <c>value</c>, <c>fresh</c> (until when, by the server's clock), <c>whole</c> and <c>stale</c> in milliseconds, <c>tags</c>, and while somebody loads it <c>claim</c> with <c>claimed</c> (until when).
/// Each step is one script on one key, so that it is the same in a cluster.
/// </summary>
internal sealed class RedisLevel(RedisClient redis) : ICacheLevel
{
    private const int Batch = 500;

    private static readonly RedisScript Find = new("""
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)
        local h = redis.call('HMGET', KEYS[1], 'value', 'fresh', 'whole', 'stale', 'tags', 'claim', 'claimed')
        local left = (tonumber(h[2]) or 0) - now
        if h[1] and left > 0 then return {h[1], left, h[3], h[4], h[5], '', 0} end
        local other = h[6] and (tonumber(h[7]) or 0) > now
        local mine = ''
        local claim = tonumber(ARGV[1])
        if claim > 0 and not other then
          mine = ARGV[2]
          redis.call('HSET', KEYS[1], 'claim', mine, 'claimed', now + claim)
          if redis.call('PTTL', KEYS[1]) < claim then redis.call('PEXPIRE', KEYS[1], claim) end
        end
        return {h[1], left, h[3], h[4], h[5], mine, other and 1 or 0}
        """);

    private static readonly RedisScript Store = new("""
        if ARGV[1] ~= '' and redis.call('HGET', KEYS[1], 'claim') ~= ARGV[1] then return 0 end
        if ARGV[2] == '0' then
          redis.call('HDEL', KEYS[1], 'claim', 'claimed')
          return 0
        end
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)
        redis.call('DEL', KEYS[1])
        redis.call('HSET', KEYS[1], 'value', ARGV[3], 'fresh', now + ARGV[4], 'whole', ARGV[5], 'stale', ARGV[6], 'tags', ARGV[7])
        redis.call('PEXPIRE', KEYS[1], ARGV[4] + ARGV[6])
        return 1
        """);

    private static readonly RedisScript Add = new("""
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)
        local h = redis.call('HMGET', KEYS[1], 'value', 'fresh')
        if h[1] and (tonumber(h[2]) or 0) > now and string.match(h[1], '^-?%d+$') then return redis.call('HINCRBY', KEYS[1], 'value', ARGV[1]) end
        redis.call('DEL', KEYS[1])
        redis.call('HSET', KEYS[1], 'value', ARGV[1], 'fresh', now + ARGV[2], 'whole', ARGV[2], 'stale', 0, 'tags', '')
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return tonumber(ARGV[1])
        """);

    public async ValueTask<CacheAnswer> FindAsync(string key, TimeSpan claim, CancellationToken cancellationToken)
    {
        var mine = claim > TimeSpan.Zero ? Guid.NewGuid().ToString("N") : "";
        var answer = await redis.EvaluateAsync(Find, key, c => c.Add(Milliseconds(claim)).Add(mine), cancellationToken);
        if (answer.Elements is not [var value, var left, var whole, var stale, var tags, var claimed, var isClaimed])
            throw new RedisException($"Redis answered {answer.Kind} to a look-up.", isReply: true);
        var record = value.IsNull ? null : new CacheRecord(value.Bytes, TimeSpan.FromMilliseconds(left.ToInteger()), TimeSpan.FromMilliseconds(whole.ToInteger()), TimeSpan.FromMilliseconds(stale.ToInteger()), Tags(tags));
        return new CacheAnswer(record, claimed.Bytes.Length > 0 ? claimed.Text : null, isClaimed.ToInteger() == 1);
    }

    public async ValueTask<bool> StoreAsync(string key, CacheRecord? record, string? claim, CancellationToken cancellationToken)
    {
        if (record is null && claim is null)
            return false;
        var answer = await redis.EvaluateAsync(Store, key, c => record is null
            ? c.Add(claim!).Add("0")
            : c.Add(claim ?? "").Add("1").Add(record.Value.Span).Add(Milliseconds(record.Life)).Add(Milliseconds(record.Whole)).Add(Milliseconds(record.Stale)).Add(Text(record.Tags)), cancellationToken);
        return answer.ToInteger() == 1;
    }

    public async ValueTask<long> RemoveAsync(CacheRemoval removal, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(removal);
        var removed = await UnlinkAsync(removal.Keys, cancellationToken);
        if (removal.Pattern is not { } pattern)
            return removed;
        foreach (var server in await redis.ServersAsync(cancellationToken))
        {
            var cursor = "0";
            do
            {
                var page = await server.SendAsync(RespCommand.Of("SCAN", cursor, "MATCH", Glob(pattern), "COUNT", "500"), cancellationToken);
                if (page.Elements is not [var next, var keys])
                    throw new RedisException(page.Text, isReply: true);
                removed += await UnlinkAsync([.. keys.Elements.Select(k => k.Text)], cancellationToken);
                cursor = next.Text;
            }
            while (cursor != "0");
        }
        return removed;
    }

    public async ValueTask<long> AddAsync(string key, long by, TimeSpan life, CancellationToken cancellationToken) =>
        (await redis.EvaluateAsync(Add, key, c => c.Add(by).Add(Milliseconds(life)), cancellationToken)).ToInteger();

    public async ValueTask<CacheLevelState> LookAsync(CancellationToken cancellationToken)
    {
        long entries = 0, bytes = 0;
        var slowest = TimeSpan.Zero;
        foreach (var server in await redis.ServersAsync(cancellationToken))
        {
            var begun = Stopwatch.GetTimestamp();
            await server.SendAsync(RespCommand.Of("PING"), cancellationToken);
            var took = Stopwatch.GetElapsedTime(begun);
            slowest = took > slowest ? took : slowest;
            entries += (await server.SendAsync(RespCommand.Of("DBSIZE"), cancellationToken)).ToInteger();
            var memory = (await server.SendAsync(RespCommand.Of("INFO", "memory"), cancellationToken)).Text;
            bytes += memory.Split("\r\n").FirstOrDefault(l => l.StartsWith("used_memory:", StringComparison.Ordinal)) is { } line && long.TryParse(line.AsSpan("used_memory:".Length), out var used) ? used : 0;
        }
        return new CacheLevelState(entries, bytes, slowest);
    }

    /// <summary>Each key by itself, sent without waiting: in a cluster each may be on another server.</summary>
    private async ValueTask<long> UnlinkAsync(ImmutableArray<string> keys, CancellationToken cancellationToken)
    {
        long removed = 0;
        foreach (var batch in keys.Chunk(Batch))
            removed += (await Task.WhenAll(batch.Select(key => redis.SendAsync(RespCommand.Of("UNLINK").OnKey(key), cancellationToken).AsTask()))).Sum(a => a.ToInteger());
        return removed;
    }

    private static long Milliseconds(TimeSpan time) => Math.Max(0, (long)Math.Ceiling(time.TotalMilliseconds));

    /// <summary>Of the server's pattern language only the two signs that patterns of the cache have.</summary>
    private static string Glob(string pattern)
    {
        var text = new StringBuilder(pattern.Length);
        foreach (var c in pattern)
        {
            if (c is '[' or ']' or '^' or '\\' or '-')
                text.Append('\\');
            text.Append(c);
        }
        return text.ToString();
    }

    private static string Text(ImmutableArray<CacheTag> tags)
    {
        if (tags.IsDefaultOrEmpty)
            return "";
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var tag in tags)
                json.WriteString(tag.Name, tag.Token);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static ImmutableArray<CacheTag> Tags(RespValue stored)
    {
        if (stored.Bytes.Length == 0)
            return [];
        using var json = JsonDocument.Parse(stored.Bytes);
        return [.. json.RootElement.EnumerateObject().Select(t => new CacheTag(t.Name, t.Value.GetString() ?? ""))];
    }
}
