using System.Buffers;
using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Federation;
using Nexus.Gateway.GraphQL.Resources;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>
/// One socket of the protocol <c>graphql-transport-ws</c>: <c>connection_init</c> and <c>connection_ack</c>, then any number of <c>subscribe</c>, each answered by
/// <c>next</c> and <c>complete</c> or by <c>error</c>, side by side. A breach of the protocol closes the socket with the protocol's own code.
/// </summary>
internal sealed class SocketConversation(WebSocket socket, OperationGate gate, GraphQLOptions options, TimeProvider time, SocketCaller caller) : IDisposable
{
    private const int MaxDepth = 30;
    private const int MaxOverhead = 64 * 1024;
    private readonly ConcurrentDictionary<string, CancellationTokenSource> running = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<CancellationTokenSource, Task> answering = new();
    private readonly SemaphoreSlim sending = new(1, 1);
    private OpenCaller who = caller.Opened;
    private PassedHeaders headers = caller.Headers;
    private bool begun;

    /// <summary>Converses until the socket is closed or the token fires.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await ConverseAsync(ends.Token);
        }
        catch (SocketBreachException breach)
        {
            await CloseAsync(breach.Code, breach.Message);
        }
        catch (OperationCanceledException)
        {
            await CloseAsync((int)WebSocketCloseStatus.EndpointUnavailable, "Going away");
        }
        catch (WebSocketException)
        {
            // The connection broke; there is nobody to tell.
        }
        await ends.CancelAsync();
        await Task.WhenAll(answering.Values);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        who.Dispose();
        sending.Dispose();
    }

    private async Task ConverseAsync(CancellationToken cancellationToken)
    {
        using var over = new CancellationTokenSource();
        var ended = Task.Delay(Timeout.Infinite, cancellationToken);
        var late = Task.Delay(TimeSpan.FromSeconds(options.SocketInitSeconds), time, over.Token);
        var revoked = Task.Delay(Timeout.Infinite, who.Ended);
        while (await NextAsync(ended, begun ? ended : late, revoked) is { } message)
        {
            await HandleAsync(message, cancellationToken);
            if (!begun || over.IsCancellationRequested)
                continue;
            await over.CancelAsync();
            revoked = Task.Delay(Timeout.Infinite, who.Ended);
        }
        await CloseAsync((int)WebSocketCloseStatus.NormalClosure, "");
    }

    /// <summary>The next message, unless the conversation ends first. The receiving itself is never cancelled: that would break the connection instead of closing it.</summary>
    private async Task<JsonElement?> NextAsync(Task ended, Task late, Task revoked)
    {
        var receiving = ReceiveAsync();
        var first = await Task.WhenAny(receiving, ended, late, revoked);
        if (first == receiving)
            return await receiving;
        _ = receiving.ContinueWith(static gone => gone.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        throw first == ended ? new OperationCanceledException()
            : first == revoked ? new SocketBreachException(4401, "Unauthorized: the credentials have expired or were revoked")
            : new SocketBreachException(4408, "Connection initialisation timeout");
    }

    private async Task HandleAsync(JsonElement message, CancellationToken cancellationToken)
    {
        switch (Text(message, "type"))
        {
            case "connection_init":
                await BeginAsync(message, cancellationToken);
                break;
            case "ping":
                await SendAsync("pong", null, null);
                break;
            case "pong":
                break;
            case "subscribe":
                Subscribe(message, cancellationToken);
                break;
            case "complete":
                if (Text(message, "id") is { } id && running.TryRemove(id, out var ended))
                    await ended.CancelAsync();
                break;
            default:
                throw new SocketBreachException(4400, "Invalid message: its type is not known");
        }
    }

    private async Task BeginAsync(JsonElement message, CancellationToken cancellationToken)
    {
        if (begun)
            throw new SocketBreachException(4429, "Too many initialisation requests");
        if (message.TryGetProperty("payload", out var payload) && payload.ValueKind == JsonValueKind.Object && (Text(payload, "authorization") ?? Text(payload, "Authorization")) is { Length: > 0 } authorization)
        {
            var found = await caller.Authenticate(who.Context, authorization, cancellationToken) ?? throw new SocketBreachException(4403, "Forbidden");
            who.Dispose();
            who = found;
            headers = headers.With(authorization);
        }
        begun = true;
        await SendAsync("connection_ack", null, null);
    }

    private void Subscribe(JsonElement message, CancellationToken cancellationToken)
    {
        if (!begun)
            throw new SocketBreachException(4401, "Unauthorized");
        if (Text(message, "id") is not { Length: > 0 and <= 256 } id || !message.TryGetProperty("payload", out var payload))
            throw new SocketBreachException(4400, "Invalid message: subscribe has an id and a payload");
        var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (!running.TryAdd(id, ends))
        {
            ends.Dispose();
            throw new SocketBreachException(4409, $"Subscriber for {id} already exists");
        }
        var answer = AnswerAsync(id, payload, ends);
        answering[ends] = answer;
        if (answer.IsCompleted)
            answering.TryRemove(ends, out _);
    }

    private async Task AnswerAsync(string id, JsonElement payload, CancellationTokenSource ends)
    {
        await Task.Yield();
        try
        {
            CallContext.Current = who.Context;
            if (running.Count > options.SocketOperations)
                throw new NexusException(ErrorCodes.RateLimited, $"A socket runs {options.SocketOperations} operations at once (graphql.socketOperations).");
            var (request, call) = (GraphQLRequest.Read(payload), new SurfaceCall(who.Context) { Now = () => who.Context, Headers = headers });
            var result = await gate.AnswerAsync(request, call, onlyQueries: false, ends.Token);
            if (result is null)
            {
                await foreach (var next in gate.SubscribeAsync(request, call, ends.Token))
                {
                    if (!await TrySendAsync(id, next))
                        return;
                }
            }
            else if (!await TrySendAsync(id, result))
            {
                return;
            }
            if (running.ContainsKey(id))
                await SendAsync("complete", id, null);
        }
        catch (Exception exception) when (exception is OperationCanceledException or WebSocketException or ObjectDisposedException)
        {
            // Ended by the caller, or with its socket.
        }
        catch (Exception exception)
        {
            await TrySendAsync(id, new OperationResult(null, [gate.Explain(exception)]) { IsRefused = true });
        }
        finally
        {
            running.TryRemove(new KeyValuePair<string, CancellationTokenSource>(id, ends));
            answering.TryRemove(ends, out _);
            ends.Dispose();
        }
    }

    /// <summary>Sends an answer, or the errors of an operation that was refused: nothing may follow them.</summary>
    private async Task<bool> TrySendAsync(string id, OperationResult result)
    {
        if (!running.ContainsKey(id))
            return false;
        if (!result.IsRefused)
        {
            await SendAsync("next", id, json => GraphQLAnswer.Write(json, result));
            return true;
        }
        await SendAsync("error", id, json => GraphQLAnswer.Write(json, result.Errors));
        return false;
    }

    private async Task SendAsync(string type, string? id, Action<Utf8JsonWriter>? payload)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
        {
            json.WriteStartObject();
            if (id is not null)
                json.WriteString("id", id);
            json.WriteString("type", type);
            if (payload is not null)
            {
                json.WritePropertyName("payload");
                payload(json);
            }
            json.WriteEndObject();
        }
        await sending.WaitAsync();
        try
        {
            // A reader that has gone is found out by the keep-alive, which aborts the socket and this send with it.
            if (socket.State == WebSocketState.Open)
                await socket.SendAsync(buffer.WrittenMemory, WebSocketMessageType.Text, true, CancellationToken.None);
        }
        finally
        {
            sending.Release();
        }
    }

    /// <summary>The next message; null when the caller closes.</summary>
    private async Task<JsonElement?> ReceiveAsync()
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.GetMemory(4096), CancellationToken.None);
            if (part.MessageType == WebSocketMessageType.Close)
                return null;
            buffer.Advance(part.Count);
            if (buffer.WrittenCount > (options.Length * 4L) + MaxOverhead)
                throw new SocketBreachException((int)WebSocketCloseStatus.MessageTooBig, "Message too big");
            if (!part.EndOfMessage)
                continue;
            if (part.MessageType != WebSocketMessageType.Text)
                throw new SocketBreachException(4400, "Invalid message: text is expected");
            return Read(buffer.WrittenSpan);
        }
    }

    private static JsonElement Read(ReadOnlySpan<byte> text)
    {
        try
        {
            var message = JsonElement.Parse(text, new JsonDocumentOptions { MaxDepth = MaxDepth });
            return message.ValueKind == JsonValueKind.Object ? message : throw new SocketBreachException(4400, "Invalid message: a JSON object is expected");
        }
        catch (JsonException)
        {
            throw new SocketBreachException(4400, "Invalid message: it is not well-formed JSON");
        }
    }

    private static string? Text(JsonElement message, string name)
    {
        try
        {
            return message.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            throw new SocketBreachException(4400, "Invalid message: a string has a lone surrogate");
        }
    }

    private async Task CloseAsync(int code, string reason)
    {
        await sending.WaitAsync();
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await socket.CloseOutputAsync((WebSocketCloseStatus)code, reason, limit.Token);
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // It was closed from the other side in the same moment.
        }
        finally
        {
            sending.Release();
        }
    }
}

/// <summary>The caller breaks the protocol; the socket is closed with the code.</summary>
internal sealed class SocketBreachException(int code, string reason) : Exception(reason)
{
    /// <summary>Code of the close frame.</summary>
    public int Code { get; } = code;
}
