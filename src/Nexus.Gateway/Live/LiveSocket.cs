using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Changes;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Live;

/// <summary>
/// One socket: <c>auth</c>, then <c>subscribe</c>, <c>unsubscribe</c>, <c>resume</c>, <c>plugins</c>, <c>notifications</c>, <c>rpc</c> and <c>ping</c> in any order. What is wrong with one subscription or call is told by its id;
/// a breach of the protocol closes the socket. Holds names only, so that plugins are replaced under it.
/// </summary>
internal sealed class LiveSocket : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly LiveParts parts;
    private readonly LiveOptions options;
    private readonly LiveReader reader;
    private readonly LiveWriter writer;
    private readonly Action abort;
    private readonly Lock gate = new();
    private readonly Dictionary<string, CancellationTokenSource> subscriptions = new(1, StringComparer.Ordinal);
    private readonly CancellationTokenSource over = new();
    private OpenCaller caller;
    private IDisposable place;
    private CancellationTokenRegistration revoked;
    private long? resumeAfter;
    private TaskCompletionSource? rest;
    private int working;
    private int calls;
    private bool isWatching;
    private bool isNotified;

    public LiveSocket(WebSocket socket, LiveParts parts, OpenCaller caller, IDisposable place)
    {
        (this.parts, this.caller, this.place) = (parts, caller, place);
        options = parts.Options.CurrentValue;
        reader = new LiveReader(socket, options, parts.Settings.Current.Limits, parts.Time);
        writer = new LiveWriter(socket, parts.Time);
        abort = socket.Abort;
    }

    /// <summary>Converses until the socket is closed or the token fires; then nothing of it runs any more.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            await using var stop = stopping.UnsafeRegister(static socket => ((LiveSocket)socket!).End((int)WebSocketCloseStatus.EndpointUnavailable, "The node stops"), this);
            await ConverseAsync();
        }
        catch (LiveBreachException breach)
        {
            await writer.EndAsync(breach.Code, breach.Message);
            await reader.DrainAsync(TimeSpan.FromSeconds(2));
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException or ObjectDisposedException or IOException)
        {
            // The connection broke; there is nobody to tell. What breaks the rules of WebSockets was told by the framework.
        }
        await over.CancelAsync();
        await revoked.DisposeAsync();
        var ended = RestAsync();
        // A send to who takes nothing is freed by the abort.
        if (await Task.WhenAny(ended, Task.Delay(TimeSpan.FromSeconds(1), parts.Time, CancellationToken.None)) != ended)
            abort();
        await ended;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        place.Dispose();
        caller.Dispose();
        writer.Dispose();
        over.Dispose();
    }

    private async Task ConverseAsync()
    {
        if (caller.IsAnonymous)
            Start(ExpectAuthAsync);
        else
            await ReadyAsync();
        while (await StepAsync())
        {
            // One message after the other; while none comes, none is held.
        }
        if (writer.HasEnded)
            await reader.DrainAsync(TimeSpan.FromSeconds(2));
        else
            await writer.EndAsync((int)WebSocketCloseStatus.NormalClosure, "");
    }

    private async Task<bool> StepAsync()
    {
        if (await reader.ReceiveAsync() is not { } message || writer.HasEnded)
            return false;
        await HandleAsync(message);
        return true;
    }

    private async Task ExpectAuthAsync()
    {
        await Task.Delay(TimeSpan.FromSeconds(options.AuthSeconds), parts.Time, over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!over.IsCancellationRequested && caller.IsAnonymous)
            await EndAsync(4401, "Say who you are");
    }

    private async Task HandleAsync(JsonElement message)
    {
        var type = Text(message, "type") ?? Text(message, "action");
        if (type == "ping")
            await writer.SendAsync("pong", Text(message, "id"));
        else if (type == "auth")
            await AuthenticateAsync(message);
        else if (caller.IsAnonymous)
            throw new LiveBreachException(4401, "Say who you are first");
        else
            await HandleKnownAsync(type, message);
    }

    private async Task HandleKnownAsync(string? type, JsonElement message)
    {
        switch (type)
        {
            case "subscribe":
                Subscribe(Id(message), message);
                break;
            case "unsubscribe":
                await EndSubscriptionAsync(Id(message));
                await writer.SendAsync("unsubscribed", Id(message));
                break;
            case "resume":
                resumeAfter = Resume(message);
                await writer.SendAsync("resumed", null, json => json.WriteString("after", resumeAfter?.ToString(CultureInfo.InvariantCulture)));
                break;
            case "plugins":
                if (!isWatching)
                {
                    isWatching = true;
                    Start(WatchPluginsAsync);
                }
                break;
            case "notifications":
                if (!isNotified)
                {
                    isNotified = true;
                    Start(WatchNotificationsAsync);
                }
                break;
            case "rpc":
                var id = Id(message);
                Start(() => CallAsync(id, message));
                break;
            default:
                throw new LiveBreachException(4400, "The type of the message is not known");
        }
    }

    /// <summary>Finds out who speaks; also later, with a newer token of the same caller, before the first one expires.</summary>
    private async Task AuthenticateAsync(JsonElement message)
    {
        if (Text(message, "token") is not { Length: > 0 and <= 16_384 } token)
            throw new LiveBreachException(4401, "auth has a token");
        OpenCaller? found;
        try
        {
            found = await parts.Callers.OpenAsync(new Credentials { Authorization = $"Bearer {token}", Address = parts.Address }, caller.Context, over.Token);
        }
        catch (NexusException)
        {
            throw new LiveBreachException((int)WebSocketCloseStatus.InternalServerError, "The token cannot be checked now");
        }
        if (found is null)
            throw new LiveBreachException(4401, "The token does not hold");
        var (was, now) = (caller.Context, found.Context);
        if (!caller.IsAnonymous && (was.Tenant != now.Tenant || was.Caller.Id != now.Caller.Id))
        {
            found.Dispose();
            throw new LiveBreachException(4403, "A socket has one caller");
        }
        if (caller.IsAnonymous)
        {
            var counted = parts.Connections.TryEnter(found, options.ConnectionsPerCaller);
            if (counted is null)
            {
                found.Dispose();
                throw new LiveBreachException(4429, $"A caller has at most {options.ConnectionsPerCaller} connections");
            }
            place.Dispose();
            place = counted;
        }
        caller.Dispose();
        caller = found;
        await ReadyAsync();
    }

    private async Task ReadyAsync()
    {
        await revoked.DisposeAsync();
        await writer.SendAsync("ready", null, json =>
        {
            json.WriteString("caller", caller.Context.Caller.Name);
            json.WriteNumber("heartbeatSeconds", options.HeartbeatSeconds);
            json.WriteNumber("subscriptions", options.Subscriptions);
        });
        revoked = caller.Ended.UnsafeRegister(static socket => ((LiveSocket)socket!).End(4401, "The credentials have expired or were revoked"), this);
    }

    private void Subscribe(string id, JsonElement message)
    {
        var ends = CancellationTokenSource.CreateLinkedTokenSource(over.Token);
        try
        {
            lock (gate)
            {
                if (subscriptions.ContainsKey(id))
                    throw new LiveBreachException(4409, "There is a subscription of that id");
                if (subscriptions.Count >= options.Subscriptions)
                    throw new NexusException(ErrorCodes.RateLimited, $"A socket has at most {options.Subscriptions} subscriptions (live.subscriptions).");
            }
            var wish = LiveWish.Read(LiveWish.ToQuery(message, "type", "action", "id"));
            lock (gate)
                subscriptions[id] = ends;
            var after = wish.After ?? resumeAfter;
            Start(() => FollowAsync(id, after == wish.After ? wish : wish with { After = after }, ends));
        }
        catch (LiveBreachException)
        {
            ends.Dispose();
            throw;
        }
        catch (NexusException exception)
        {
            ends.Dispose();
            Start(() => ProblemAsync("error", id, exception));
        }
    }

    private async Task EndSubscriptionAsync(string id)
    {
        CancellationTokenSource? ended;
        lock (gate)
            subscriptions.Remove(id, out ended);
        try
        {
            await (ended?.CancelAsync() ?? Task.CompletedTask);
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself in the same moment.
        }
    }

    private async Task FollowAsync(string id, LiveWish wish, CancellationTokenSource ends)
    {
        try
        {
            using var subscription = await parts.Feed.OpenAsync(wish, caller.Context, options.Queue, ends.Token);
            subscription.Changes.TooSlow = AbandonLater;
            await writer.SendAsync("subscribed", id, json => json.WriteString("at", subscription.Changes.StartedAt.ToString(CultureInfo.InvariantCulture)));
            await foreach (var batch in subscription.Changes.ReadAsync(ends.Token))
                await TellAsync(id, subscription, batch, ends.Token);
        }
        catch (FollowerTooSlowException slow)
        {
            await writer.SendAsync("overflow", id, json => json.WriteString("last", slow.Last.ToString(CultureInfo.InvariantCulture)));
            await EndAsync(1013, "Too slow; come back and resume");
        }
        catch (NexusException exception)
        {
            await ProblemAsync("error", id, exception);
        }
        finally
        {
            lock (gate)
            {
                if (subscriptions.TryGetValue(id, out var mine) && mine == ends)
                    subscriptions.Remove(id);
            }
            ends.Dispose();
        }
    }

    /// <summary>In a frame of its own, so that nothing of the last events is held until the next ones.</summary>
    private async Task TellAsync(string id, LiveSubscription subscription, IReadOnlyList<Change> batch, CancellationToken ends)
    {
        foreach (var told in await parts.Feed.DescribeAsync(subscription, batch, caller.Context, ends))
        {
            ends.ThrowIfCancellationRequested();
            await writer.SendAsync("event", id, json =>
            {
                json.WriteString("at", told.At);
                json.WritePropertyName("data");
                json.WriteRawValue(told.Json.Span, skipInputValidation: true);
            });
        }
    }

    /// <summary>Tells the version of the plugins, now and whenever others serve: what was drawn from their declarations is drawn anew.</summary>
    private async Task WatchPluginsAsync()
    {
        for (var told = -1L; !over.IsCancellationRequested;)
        {
            // The token first: a change between the two looks is told by it.
            var change = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var watched = parts.Feed.Plugins.GetChangeToken().RegisterChangeCallback(static state => ((TaskCompletionSource)state!).TrySetResult(), change);
            var version = parts.Feed.Plugins.Current.Version;
            if (version != told)
                await writer.SendAsync("plugins", null, json => json.WriteNumber("version", version));
            told = version;
            await change.Task.WaitAsync(over.Token);
        }
    }

    /// <summary>Tells that something may concern the caller, at most once a second: what it is, is read where permissions are asked.</summary>
    private async Task WatchNotificationsAsync()
    {
        var told = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        using var watched = parts.Notifications.Watch(caller.Context, () => told.Writer.TryWrite(true));
        await foreach (var _ in told.Reader.ReadAllAsync(over.Token))
        {
            await writer.SendAsync("notifications", null);
            await Task.Delay(TimeSpan.FromSeconds(1), parts.Time, over.Token);
        }
    }

    private async Task CallAsync(string id, JsonElement message)
    {
        try
        {
            if (Interlocked.Increment(ref calls) > options.Calls)
                throw new NexusException(ErrorCodes.RateLimited, $"A socket runs at most {options.Calls} calls at once (live.calls).");
            var result = await parts.Calls.RunAsync(message, caller.Context, over.Token);
            await writer.SendAsync("rpc_response", id, result);
        }
        catch (NexusException exception)
        {
            await ProblemAsync("rpc_response", id, exception);
        }
        finally
        {
            Interlocked.Decrement(ref calls);
        }
    }

    /// <summary>Runs beside the reading; <see cref="RunAsync"/> returns when all of it has ended.</summary>
    private void Start(Func<Task> work)
    {
        lock (gate)
            working++;
        _ = RunBesideAsync(work);
    }

    /// <summary>Ends when nothing runs beside the reading any more.</summary>
    private Task RestAsync()
    {
        lock (gate)
            return working == 0 ? Task.CompletedTask : (rest ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
    }

    private void Over()
    {
        lock (gate)
        {
            if (--working == 0)
                rest?.TrySetResult();
        }
    }

    private async Task RunBesideAsync(Func<Task> work)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            CallContext.Current = caller.Context;
            await work();
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException or ObjectDisposedException or IOException)
        {
            // Ended by the caller, or with its socket.
        }
        catch (Exception exception)
        {
            parts.Log.LogError(exception, "Something of a live socket failed");
            await EndAsync((int)WebSocketCloseStatus.InternalServerError, ErrorCodes.Get(ErrorCodes.InternalError).Title);
        }
        finally
        {
            Over();
        }
    }

    private async Task ProblemAsync(string type, string id, NexusException exception)
    {
        if (exception.Status >= 500)
            parts.Log.LogError(exception, "Something of a live socket failed with {Code}", exception.Code);
        await writer.SendProblemAsync(type, id, exception, await parts.Feed.OriginAsync(caller.Context, exception, over.Token));
    }

    private void End(int code, string reason) => Start(() => EndAsync(code, reason));

    /// <summary>Tells the end and gives the caller two seconds to close as well.</summary>
    private async Task EndAsync(int code, string reason)
    {
        await writer.EndAsync(code, reason);
        await Task.Delay(TimeSpan.FromSeconds(2), parts.Time, over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!over.IsCancellationRequested)
            abort();
    }

    /// <summary>Cuts off a caller who takes nothing at all, so that it cannot even be told that it is too slow.</summary>
    private void AbandonLater() => _ = Task.Delay(Patience, parts.Time).ContinueWith(_ => abort(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    private static long? Resume(JsonElement message)
    {
        try
        {
            return Text(message, "after") is { } after ? LiveWish.Position(after) : throw new LiveBreachException(4400, "resume has an after");
        }
        catch (NexusException)
        {
            throw new LiveBreachException(4400, "after is no position of the event log");
        }
    }

    private static string Id(JsonElement message) =>
        (Text(message, "id") ?? (Text(message, "action") is null ? null : "events")) is { Length: > 0 and <= 256 } id ? id : throw new LiveBreachException(4400, "The message has no id of 1 to 256 characters");

    private static string? Text(JsonElement message, string name) =>
        message.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
