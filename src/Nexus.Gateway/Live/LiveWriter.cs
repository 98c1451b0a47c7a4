using System.Buffers;
using System.Net.WebSockets;
using System.Text.Json;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Live;

/// <summary>Sends the messages of one socket, one after the other, and its end, once.</summary>
internal sealed class LiveWriter(WebSocket socket, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan CloseLimit = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim sending = new(1, 1);
    private int ended;

    /// <summary>Whether the end was told or is being told.</summary>
    public bool HasEnded => Volatile.Read(ref ended) != 0;

    /// <summary>Sends a message of a type with further members. Waits for a slow reader; one that is gone is found out by the keep-alive, which aborts the socket and this with it.</summary>
    public async Task SendAsync(string type, string? id, Action<Utf8JsonWriter>? write = null)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            if (id is not null)
                json.WriteString("id", id);
            write?.Invoke(json);
            json.WriteEndObject();
        }
        await sending.WaitAsync();
        try
        {
            if (socket.State == WebSocketState.Open && !HasEnded)
                await socket.SendAsync(buffer.WrittenMemory, WebSocketMessageType.Text, true, CancellationToken.None);
        }
        finally
        {
            sending.Release();
        }
    }

    /// <summary>Sends the problem with what was asked by an id, and where it comes from, if the caller may see that.</summary>
    public Task SendProblemAsync(string type, string id, NexusException exception, FailureOrigin? origin) => SendAsync(type, id, json =>
    {
        json.WriteStartObject("problem");
        Problem.WriteMembers(json, ErrorCodes.Get(exception.Code), 0, exception.Message, exception.Errors);
        Origins.Write(json, origin);
        json.WriteEndObject();
    });

    /// <summary>Sends the close frame, once; a reader that does not take it, or does not answer it, in two seconds is cut off.</summary>
    public async Task EndAsync(int code, string reason)
    {
        if (Interlocked.Exchange(ref ended, 1) != 0)
            return;
        using var limit = new CancellationTokenSource(CloseLimit, time);
        var free = false;
        try
        {
            await sending.WaitAsync(limit.Token);
            free = true;
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await socket.CloseOutputAsync((WebSocketCloseStatus)code, reason, limit.Token);
        }
        catch (OperationCanceledException)
        {
            socket.Abort();
        }
        catch (Exception exception) when (exception is WebSocketException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            // It was closed from the other side in the same moment.
        }
        finally
        {
            if (free)
                sending.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => sending.Dispose();
}

/// <summary>The caller breaks the protocol; the socket is closed with the code.</summary>
internal sealed class LiveBreachException(int code, string reason) : Exception(reason)
{
    /// <summary>Code of the close frame.</summary>
    public int Code { get; } = code;
}
