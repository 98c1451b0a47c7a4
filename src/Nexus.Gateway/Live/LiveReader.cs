using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Live;

/// <summary>Receives the messages of one socket within the limits. Nothing is held while nothing comes: an idle socket waits with an empty buffer.</summary>
internal sealed class LiveReader(WebSocket socket, LiveOptions options, LimitOptions limits, TimeProvider time)
{
    private const int Part = 4096;
    private double tokens = options.MessagesPerMinute;
    private long countedAt = time.GetTimestamp();

    /// <summary>The next message; null when the caller closes.</summary>
    /// <exception cref="LiveBreachException">It is none of this protocol, too long, or one too many.</exception>
    public async Task<JsonElement?> ReceiveAsync()
    {
        var first = await socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None);
        if (first.MessageType == WebSocketMessageType.Close)
            return null;
        var buffer = ArrayPool<byte>.Shared.Rent(Part);
        try
        {
            var length = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                if (length == buffer.Length)
                    buffer = Grow(buffer);
                part = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                if (part.MessageType == WebSocketMessageType.Close)
                    return null;
                length += part.Count;
                if (length > options.MessageBytes)
                    throw new LiveBreachException((int)WebSocketCloseStatus.MessageTooBig, $"A message has at most {options.MessageBytes} bytes");
            }
            while (!part.EndOfMessage);
            if (part.MessageType != WebSocketMessageType.Text)
                throw new LiveBreachException((int)WebSocketCloseStatus.InvalidMessageType, "Messages are text");
            Count();
            return Read(buffer.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads on without looking until the caller closes too, so that what it still sends does not cut off the close frame on its way.</summary>
    public async Task DrainAsync(TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience, time);
        await using var cut = limit.Token.Register(socket.Abort);
        var buffer = ArrayPool<byte>.Shared.Rent(Part);
        try
        {
            while (socket.State is WebSocketState.Open or WebSocketState.CloseSent && (await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)).MessageType != WebSocketMessageType.Close)
            {
                // What comes now means nothing any more.
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            // Gone, or cut off after its time.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static byte[] Grow(byte[] full)
    {
        var wider = ArrayPool<byte>.Shared.Rent(full.Length * 2);
        full.CopyTo(wider, 0);
        ArrayPool<byte>.Shared.Return(full);
        return wider;
    }

    private void Count()
    {
        var now = time.GetTimestamp();
        tokens = Math.Min(options.MessagesPerMinute, tokens + (time.GetElapsedTime(countedAt, now).TotalMinutes * options.MessagesPerMinute)) - 1;
        countedAt = now;
        if (tokens < 0)
            throw new LiveBreachException((int)WebSocketCloseStatus.PolicyViolation, $"A socket sends at most {options.MessagesPerMinute} messages a minute");
    }

    private JsonElement Read(ReadOnlySpan<byte> text)
    {
        try
        {
            JsonLimits.Check(text, limits);
            var message = JsonElement.Parse(text);
            return message.ValueKind == JsonValueKind.Object ? message : throw new LiveBreachException(4400, "A message is a JSON object");
        }
        catch (NexusException exception)
        {
            throw new LiveBreachException(4400, exception.Message.Length > 100 ? exception.Message[..100] : exception.Message);
        }
        catch (JsonException)
        {
            throw new LiveBreachException(4400, "The message is not well-formed JSON");
        }
    }
}
