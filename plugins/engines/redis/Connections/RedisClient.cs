using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Nexus.Engines.Redis.Protocol;

namespace Nexus.Engines.Redis.Connections;

/// <summary>
/// Redis as one thing, whether it is a server or a cluster. In a cluster a command goes to the server that has the slot of its key; the map of slots is asked for when a server says that it moved or cannot be reached. Thread-safe.
/// </summary>
internal sealed class RedisClient(RedisSettings settings, TimeProvider time) : IAsyncDisposable
{
    private const int MostRedirections = 6;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<RedisAddress, RedisLink> links = new();
    private readonly ConcurrentDictionary<string, ImmutableArray<Subscription>> subscriptions = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim mapping = new(1);
    private readonly CancellationTokenSource ending = new();
    private volatile RedisAddress[]? slots;
    private volatile RedisLink? listening;
    private Task listener = Task.CompletedTask;
    private bool? cluster;
    private int relisten;

    /// <summary>Servers that are connected or were.</summary>
    public int Links => links.Count;

    /// <summary>Whether it is a cluster; known after the first command.</summary>
    public bool IsCluster => cluster == true;

    /// <summary>Sends a command and follows redirections.</summary>
    /// <exception cref="RedisException">Redis cannot be reached or refuses.</exception>
    public async ValueTask<RespValue> SendAsync(RespCommand command, CancellationToken cancellationToken)
    {
        var link = await LinkForAsync(command.Key, cancellationToken);
        RespCommand? asking = null;
        for (var i = 0; ; i++)
        {
            RespValue answer;
            try
            {
                answer = await link.SendAsync(command, cancellationToken, asking);
            }
            catch (RedisException exception) when (!exception.IsReply && IsCluster && i < MostRedirections && command.Key is not null)
            {
                // Its server is gone; another one may have its slots now.
                await Task.Delay(Pause * (i + 1), time, cancellationToken);
                await MapAsync(slots, cancellationToken);
                (link, asking) = (await LinkForAsync(command.Key, cancellationToken), null);
                continue;
            }
            if (!answer.IsError)
                return answer;
            var text = answer.Text;
            if (i >= MostRedirections)
                throw new RedisException(text, isReply: true);
            if (Redirection(text, "MOVED ") is { } moved)
            {
                var known = slots;
                (link, asking) = (LinkTo(moved), null);
                await MapAsync(known, cancellationToken);
            }
            else if (Redirection(text, "ASK ") is { } asked)
            {
                (link, asking) = (LinkTo(asked), RespCommand.Of("ASKING"));
            }
            else if (text.StartsWith("TRYAGAIN", StringComparison.Ordinal) || text.StartsWith("CLUSTERDOWN", StringComparison.Ordinal) || text.StartsWith("LOADING", StringComparison.Ordinal))
            {
                await Task.Delay(Pause * (i + 1), time, cancellationToken);
                if (text.StartsWith("CLUSTERDOWN", StringComparison.Ordinal))
                    await MapAsync(slots, cancellationToken);
                (link, asking) = (await LinkForAsync(command.Key, cancellationToken), null);
            }
            else
            {
                throw new RedisException(text, isReply: true);
            }
        }
    }

    /// <summary>Runs a script on the server of one key.</summary>
    public async ValueTask<RespValue> EvaluateAsync(RedisScript script, string key, Func<RespCommand, RespCommand> arguments, CancellationToken cancellationToken)
    {
        try
        {
            return await SendAsync(arguments(RespCommand.Of("EVALSHA", script.Hash, "1").OnKey(key)), cancellationToken);
        }
        catch (RedisException exception) when (exception.IsReply && exception.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
        {
            return await SendAsync(arguments(RespCommand.Of("EVAL", script.Text, "1").OnKey(key)), cancellationToken);
        }
    }

    /// <summary>Every server that has keys.</summary>
    public async ValueTask<IReadOnlyList<RedisLink>> ServersAsync(CancellationToken cancellationToken)
    {
        var any = await LinkForAsync(null, cancellationToken);
        return slots is { } map ? [.. map.Distinct().Where(a => a.Host is not null).Select(LinkTo)] : [any];
    }

    /// <summary>Listens to a channel until disposed; the connection is kept up for it.</summary>
    public IDisposable Subscribe(string channel, Action<ReadOnlyMemory<byte>> received, Action<bool> connected)
    {
        var subscription = new Subscription(this, channel, received, connected);
        subscriptions.AddOrUpdate(channel, [subscription], (_, others) => others.Add(subscription));
        Listen();
        return subscription;
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await listener;
        foreach (var link in links.Values)
            await link.DisposeAsync();
        mapping.Dispose();
        ending.Dispose();
    }

    private static RedisAddress? Redirection(string text, string word)
    {
        // MOVED 3999 127.0.0.1:6381
        if (!text.StartsWith(word, StringComparison.Ordinal) || text.Split(' ') is not [_, _, var address])
            return null;
        try
        {
            return RedisAddress.Parse(address);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private RedisLink LinkTo(RedisAddress address) => links.GetOrAdd(address, a => new RedisLink(a, settings, time, Pushed, Lost));

    private async ValueTask<RedisLink> LinkForAsync(string? key, CancellationToken cancellationToken)
    {
        if (cluster is null)
            await MapAsync(null, cancellationToken);
        if (slots is { } map)
        {
            if (key is not null && map[HashSlot.Of(key)] is { Host: not null } owner)
                return LinkTo(owner);
            return await AnyAsync(map.Distinct().Where(a => a.Host is not null), cancellationToken);
        }
        return await AnyAsync(settings.Addresses, cancellationToken);
    }

    /// <summary>The first server that can be reached.</summary>
    private async ValueTask<RedisLink> AnyAsync(IEnumerable<RedisAddress> addresses, CancellationToken cancellationToken)
    {
        RedisException? last = null;
        foreach (var address in addresses)
        {
            try
            {
                var link = LinkTo(address);
                await link.ConnectAsync(cancellationToken);
                return link;
            }
            catch (RedisException exception)
            {
                last = exception;
            }
        }
        throw last ?? new RedisException("The cluster has no server with slots.");
    }

    /// <summary>Asks for the map of slots, unless another caller got a newer one meanwhile.</summary>
    private async Task MapAsync(RedisAddress[]? seen, CancellationToken cancellationToken)
    {
        await mapping.WaitAsync(cancellationToken);
        try
        {
            if (cluster == false || (cluster == true && !ReferenceEquals(slots, seen)))
                return;
            var link = await AnyAsync(settings.Addresses.Concat(links.Keys).Distinct(), cancellationToken);
            cluster ??= (await link.ConnectAsync(cancellationToken)).Hello["mode"].Text == "cluster";
            if (cluster == false)
                return;
            var answer = await link.SendAsync(RespCommand.Of("CLUSTER SLOTS"), cancellationToken);
            if (answer.IsError)
                throw new RedisException(answer.Text, isReply: true);
            var map = new RedisAddress[HashSlot.Count];
            foreach (var range in answer.Elements)
            {
                if (range.Elements is not [var from, var to, { Elements: [var host, var port, ..] }, ..])
                    continue;
                // A server that does not know its own address says none: it is the one that was asked.
                var owner = new RedisAddress(host.IsNull || host.Text.Length == 0 ? link.Address.Host : host.Text, (int)port.ToInteger());
                for (var slot = Math.Max(0, from.ToInteger()); slot <= Math.Min(HashSlot.Count - 1, to.ToInteger()); slot++)
                    map[slot] = owner;
            }
            slots = map;
        }
        finally
        {
            mapping.Release();
        }
    }

    private void Pushed(RespValue value)
    {
        if (value.Elements is [{ Text: "message" }, var channel, var message] && subscriptions.TryGetValue(channel.Text, out var ones))
        {
            foreach (var one in ones)
                one.Received(message.Bytes);
        }
    }

    private void Lost(RedisLink link)
    {
        if (!ReferenceEquals(link, listening))
            return;
        foreach (var one in subscriptions.Values.SelectMany(s => s))
            one.Connected(false);
        Listen();
    }

    /// <summary>Has one listener at work; one that is asked for while it works goes round again.</summary>
    private void Listen()
    {
        if (Interlocked.Increment(ref relisten) == 1 && !ending.IsCancellationRequested)
            listener = Task.Run(ListenAsync);
    }

    private async Task ListenAsync()
    {
        var wait = Pause;
        while (!ending.IsCancellationRequested)
        {
            var asked = Volatile.Read(ref relisten);
            try
            {
                var link = await LinkForAsync(null, ending.Token);
                listening = link;
                foreach (var channel in subscriptions.Keys)
                {
                    var answer = await link.SendAsync(RespCommand.Of("SUBSCRIBE", channel), ending.Token, isSubscription: true);
                    if (answer.IsError)
                        throw new RedisException(answer.Text, isReply: true);
                    foreach (var one in subscriptions.TryGetValue(channel, out var ones) ? ones : [])
                        one.Connected(true);
                }
                wait = Pause;
            }
            catch (Exception exception) when (exception is RedisException or OperationCanceledException or ObjectDisposedException)
            {
                if (ending.IsCancellationRequested)
                    return;
                foreach (var one in subscriptions.Values.SelectMany(s => s))
                    one.Connected(false);
                await Task.WhenAny(Task.Delay(wait, time, ending.Token));
                wait = wait * 2 < TimeSpan.FromSeconds(1) ? wait * 2 : TimeSpan.FromSeconds(1);
                continue;
            }
            if (Interlocked.CompareExchange(ref relisten, 0, asked) == asked)
                return;
        }
    }

    private void Remove(Subscription subscription)
    {
        var left = subscriptions.AddOrUpdate(subscription.Channel, [], (_, others) => others.Remove(subscription));
        if (left.IsEmpty)
            subscriptions.TryRemove(new KeyValuePair<string, ImmutableArray<Subscription>>(subscription.Channel, left));
    }

    /// <summary>A listener of a channel.</summary>
    private sealed class Subscription(RedisClient client, string channel, Action<ReadOnlyMemory<byte>> received, Action<bool> connected) : IDisposable
    {
        public string Channel => channel;

        public void Received(ReadOnlyMemory<byte> message) => received(message);

        public void Connected(bool heard) => connected(heard);

        public void Dispose() => client.Remove(this);
    }
}
