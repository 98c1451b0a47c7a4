using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using Nexus.Engines.Redis.Connections;
using Nexus.Engines.Redis.Protocol;

namespace Nexus.Engines.Redis.Events;

/// <summary>
/// Events, or tasks, over Redis Streams: three streams a group, for events <c>nexus:events:stream:{group}:high</c>, <c>:normal</c> and <c>:low</c>, read by the consumer group <c>nexus</c> in that order. A message is removed when it is acknowledged, so a stream is as long as what waits.
/// Nobody blocks in Redis, since all commands share a connection: whoever sends publishes the group's name, and readers also look by themselves.
/// What a node had taken when it died is claimed by another one once the sign of life of the dead one has ended.
/// </summary>
internal sealed class RedisStreams : IEventTransport, IAsyncDisposable
{
    private const string Readers = "nexus";
    private const int MostAtOnce = 100;
    private const int BeatsOfRenewal = 300;

    private static readonly string[] Steps = ["high", "normal", "low"];
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Life = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Unused = TimeSpan.FromDays(7);

    private static readonly RedisScript Remove = new("""
        redis.call('XACK', KEYS[1], 'nexus', unpack(ARGV))
        return redis.call('XDEL', KEYS[1], unpack(ARGV))
        """);

    private readonly RedisClient redis;
    private readonly string kind;
    private readonly TimeProvider time;
    private readonly string reader = Guid.NewGuid().ToString("n");
    private readonly ConcurrentDictionary<string, bool> fresh = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ConcurrentQueue<ReceivedMessage>> inherited = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<TransportReceipt, bool> held = new();
    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private volatile TaskCompletionSource arrived = NewSignal();
    private ImmutableArray<string> listened = [];
    private IDisposable? listening;
    private Task beats = Task.CompletedTask;
    private long looked;

    /// <param name="redis">The engine.</param>
    /// <param name="time">The clock.</param>
    /// <param name="kind">What it carries, a part of each key.</param>
    public RedisStreams(RedisClient redis, TimeProvider time, string kind = "events") => (this.redis, this.time, this.kind) = (redis, time, kind);

    public async ValueTask ListenAsync(ImmutableArray<string> groups, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            listened = groups;
            if (listening is null)
            {
                listening = redis.Subscribe(Arrivals, Heard, isConnected =>
                {
                    if (isConnected)
                        All();
                });
                beats = Task.Run(BeatAsync, CancellationToken.None);
            }
        }

        await Reach(async () =>
        {
            await ShowLifeAsync(cancellationToken);
            await Task.WhenAll(groups.SelectMany(g => Steps.Select(s => MakeAsync(KeyOf(g, s), cancellationToken))));
        });
        All();
    }

    public ValueTask SendAsync(ImmutableArray<TransportMessage> messages, CancellationToken cancellationToken) => Reach(async () =>
    {
        var sent = messages.Select(m => redis.SendAsync(RespCommand.Of("XADD").OnKey(KeyOf(m.Group, m.Priority switch { > 0 => Steps[0], 0 => Steps[1], _ => Steps[2] })).Add("*").Add("event").Add(m.Body.Span), cancellationToken).AsTask()).ToList();
        await Task.WhenAll(sent);
        foreach (var group in messages.Select(m => m.Group).Distinct())
            await redis.SendAsync(RespCommand.Of("PUBLISH", Arrivals, group), cancellationToken);
    });

    public async ValueTask<ImmutableArray<ReceivedMessage>> ReceiveAsync(TransportReceive receive, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(receive);
        var started = time.GetTimestamp();
        while (true)
        {
            var next = arrived.Task;
            var taken = await TakeAsync(receive);
            var left = receive.MaxWait - time.GetElapsedTime(started);
            if (taken.Length > 0 || left <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
                return taken;
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(next, Task.Delay(left, time, wait.Token));
            await wait.CancelAsync();
        }
    }

    public ValueTask AcknowledgeAsync(ImmutableArray<TransportReceipt> receipts, CancellationToken cancellationToken) => Reach(async () =>
    {
        // Forgotten whether Redis answers or not: what stays there is found again, as handed out before.
        foreach (var receipt in receipts)
            held.TryRemove(receipt with { Unreadable = false }, out _);
        foreach (var refused in receipts.Where(r => r.Unreadable))
        {
            var (key, id) = Place(refused);
            var found = await redis.SendAsync(RespCommand.Of("XRANGE").OnKey(key).Add(id).Add(id), cancellationToken);
            if (found.Elements is [{ Elements: [_, { Elements: [_, var body, ..] }] }])
                await redis.SendAsync(RespCommand.Of("XADD").OnKey(DeadLetters).Add("MAXLEN").Add("~").Add("10000").Add("*").Add("group").Add(refused.Group).Add("event").Add(body.Bytes), cancellationToken);
        }

        await Task.WhenAll(receipts.Select(Place).GroupBy(p => p.Key, p => p.Id).SelectMany(s => s.Chunk(MostAtOnce).Select(ids =>
            redis.EvaluateAsync(Remove, s.Key, command => ids.Aggregate(command, static (c, id) => c.Add(id)), cancellationToken).AsTask())));
    });

    public async ValueTask<TransportState> LookAsync(ImmutableArray<string> groups, CancellationToken cancellationToken)
    {
        var waiting = ImmutableDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        var begun = Stopwatch.GetTimestamp();
        await Reach(async () =>
        {
            await redis.SendAsync(RespCommand.Of("PING"), cancellationToken);
            begun = Stopwatch.GetTimestamp() - begun;
            foreach (var group in groups)
                waiting[group] = (await Task.WhenAll(Steps.Select(s => redis.SendAsync(RespCommand.Of("XLEN").OnKey(KeyOf(group, s)), cancellationToken).AsTask()))).Sum(a => a.ToInteger());
        });
        return new TransportState(TimeSpan.FromSeconds(begun / (double)Stopwatch.Frequency), waiting.ToImmutable());
    }

    public async ValueTask DisposeAsync()
    {
        listening?.Dispose();
        await ending.CancelAsync();
        await beats;
        ending.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The braces keep the streams of a group on one server of a cluster.</summary>
    private string Arrivals => $"{CacheKey.Prefix}{kind}:arrived";

    private string DeadLetters => $"{CacheKey.Prefix}{kind}:stream:dead:letters";

    private string KeyOf(string group, string step) => $"{CacheKey.Prefix}{kind}:stream:{{{CacheKey.Part(group)}}}:{step}";

    private static TransportReceipt Receipt(string group, string step, string id) => new(group, 0, $"{step}:{id}");

    private string LifeOf(string reader) => $"{CacheKey.Prefix}{kind}:reader:{reader}:alive";

    private (string Key, string Id) Place(TransportReceipt receipt)
    {
        var colon = receipt.Id.IndexOf(':', StringComparison.Ordinal);
        return (KeyOf(receipt.Group, receipt.Id[..colon]), receipt.Id[(colon + 1)..]);
    }

    private static async ValueTask Reach(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (RedisException e)
        {
            throw new NexusException(ErrorCodes.ServiceUnavailable, e.Message, e);
        }
    }

    private void Heard(ReadOnlyMemory<byte> group)
    {
        fresh[Encoding.UTF8.GetString(group.Span)] = true;
        Signal();
    }

    private void All()
    {
        foreach (var group in listened)
            fresh[group] = true;
        Signal();
    }

    private void Signal() => Interlocked.Exchange(ref arrived, NewSignal()).TrySetResult();

    /// <summary>Reads what groups have of which somebody told, and of all once a second: a notice may be lost.</summary>
    private async ValueTask<ImmutableArray<ReceivedMessage>> TakeAsync(TransportReceive receive)
    {
        var taken = ImmutableArray.CreateBuilder<ReceivedMessage>();
        var all = looked == 0 || time.GetElapsedTime(looked) >= Look;
        if (all)
            looked = time.GetTimestamp();
        await Reach(async () =>
        {
            foreach (var group in receive.Groups)
            {
                if (taken.Count >= receive.Limit || (!fresh.TryRemove(group, out _) && !all))
                    continue;
                var found = await ReadAsync(group, receive.Limit - taken.Count);
                taken.AddRange(found);
                // There may be more.
                if (found.Count > 0)
                    fresh[group] = true;
            }
        });
        return taken.ToImmutable();
    }

    private async Task<List<ReceivedMessage>> ReadAsync(string group, int limit)
    {
        var found = new List<ReceivedMessage>();
        while (found.Count < limit && inherited.TryGetValue(group, out var queue) && queue.TryDequeue(out var message))
            found.Add(message);
        if (found.Count > 0)
            return found;
        var command = RespCommand.Of("XREADGROUP", "GROUP", Readers, reader, "COUNT", limit.ToString(System.Globalization.CultureInfo.InvariantCulture), "STREAMS").OnKey(KeyOf(group, Steps[0])).Add(KeyOf(group, Steps[1])).Add(KeyOf(group, Steps[2])).Add(">").Add(">").Add(">");
        RespValue answer;
        try
        {
            answer = await redis.SendAsync(command, ending.Token);
        }
        catch (RedisException e) when (e.IsReply && e.Message.StartsWith("NOGROUP", StringComparison.Ordinal))
        {
            // Redis was emptied; the store sends again what was lost when its lease ends.
            await Task.WhenAll(Steps.Select(s => MakeAsync(KeyOf(group, s), ending.Token)));
            return [];
        }

        for (var i = 0; i < Steps.Length; i++)
        {
            var stream = answer[KeyOf(group, Steps[i])];
            foreach (var entry in stream.Elements)
                Add(found, group, Steps[i], entry, redelivered: false);
        }

        return found;
    }

    private void Add(List<ReceivedMessage> found, string group, string step, RespValue entry, bool redelivered)
    {
        if (entry.Elements is not [var id, var fields])
            return;
        var receipt = Receipt(group, step, id.Text);
        held[receipt] = true;
        found.Add(new ReceivedMessage(receipt, fields.Elements is [_, var body, ..] ? body.Bytes : Array.Empty<byte>(), redelivered));
    }

    private async Task MakeAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            await redis.SendAsync(RespCommand.Of("XGROUP", "CREATE").OnKey(key).Add(Readers).Add("0").Add("MKSTREAM"), cancellationToken);
        }
        catch (RedisException e) when (e.IsReply && e.Message.StartsWith("BUSYGROUP", StringComparison.Ordinal))
        {
            // It is there.
        }

        await RenewAsync(key, cancellationToken);
    }

    /// <summary>A stream to which nobody listens any more goes; the database has what was in it.</summary>
    private async Task RenewAsync(string key, CancellationToken cancellationToken) =>
        await redis.SendAsync(RespCommand.Of("PEXPIRE").OnKey(key).Add((long)Unused.TotalMilliseconds), cancellationToken);

    private async Task ShowLifeAsync(CancellationToken cancellationToken) =>
        await redis.SendAsync(RespCommand.Of("SET").OnKey(LifeOf(reader)).Add("1").Add("PX").Add((long)Life.TotalMilliseconds), cancellationToken);

    private async Task BeatAsync()
    {
        using var timer = new PeriodicTimer(Beat, time);
        try
        {
            for (var beat = 1; await timer.WaitForNextTickAsync(ending.Token); beat++)
            {
                try
                {
                    await ShowLifeAsync(ending.Token);
                    await Task.WhenAll(listened.SelectMany(g => Steps.Select(s => InheritAsync(g, s))));
                    if (beat % BeatsOfRenewal == 0)
                        await Task.WhenAll(listened.SelectMany(g => Steps.Select(s => RenewAsync(KeyOf(g, s), ending.Token))));
                }
                catch (Exception e) when (e is RedisException or ObjectDisposedException)
                {
                    // Whoever sends and receives sees it too, and says so.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    /// <summary>Claims what readers hold that are no more, and what this one holds by Redis' account alone: the answer that brought it, or its acknowledgement, was lost with a connection.</summary>
    private async Task InheritAsync(string group, string step)
    {
        var key = KeyOf(group, step);
        RespValue readers;
        try
        {
            readers = await redis.SendAsync(RespCommand.Of("XINFO", "CONSUMERS").OnKey(key).Add(Readers), ending.Token);
        }
        catch (RedisException e) when (e.IsReply)
        {
            return;
        }

        foreach (var other in readers.Elements)
        {
            var (name, pending) = (other["name"].Text, other["pending"].ToInteger());
            if (name != reader && (await redis.SendAsync(RespCommand.Of("EXISTS").OnKey(LifeOf(name)), ending.Token)).ToInteger() == 1)
                continue;
            if (pending > 0)
                await ClaimAsync(group, step, name);
            else if (name != reader)
                await redis.SendAsync(RespCommand.Of("XGROUP", "DELCONSUMER").OnKey(key).Add(Readers).Add(name), ending.Token);
        }
    }

    private async Task ClaimAsync(string group, string step, string name)
    {
        var key = KeyOf(group, step);
        for (var from = "-"; ;)
        {
            var page = await redis.SendAsync(RespCommand.Of("XPENDING").OnKey(key).Add(Readers).Add("IDLE").Add((long)Beat.TotalMilliseconds).Add(from).Add("+").Add(MostAtOnce).Add(name), ending.Token);
            string[] ids = [.. page.Elements.Select(e => e.Elements[0].Text)];
            string[] lost = [.. ids.Where(id => name != reader || !held.ContainsKey(Receipt(group, step, id)))];
            if (lost.Length > 0)
            {
                // Another node may be about to claim the same: who comes second finds them busy.
                var claim = RespCommand.Of("XCLAIM").OnKey(key).Add(Readers).Add(reader).Add((long)Beat.TotalMilliseconds);
                foreach (var id in lost)
                    claim.Add(id);
                var found = new List<ReceivedMessage>();
                foreach (var entry in (await redis.SendAsync(claim, ending.Token)).Elements)
                    Add(found, group, step, entry, redelivered: true);
                found.ForEach(inherited.GetOrAdd(group, static _ => new ConcurrentQueue<ReceivedMessage>()).Enqueue);
                fresh[group] = true;
                Signal();
            }

            if (ids.Length < MostAtOnce)
                return;
            from = $"({ids[^1]}";
        }
    }
}
