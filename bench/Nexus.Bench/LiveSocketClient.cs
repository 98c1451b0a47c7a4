using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Nexus.Bench;

/// <summary>The least WebSocket client that speaks text: thousands of them leave the processors to the server.</summary>
internal sealed class LiveSocketClient : IDisposable
{
    private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] buffer = new byte[512];
    private int start;
    private int end;

    /// <summary>Opens a socket at a path.</summary>
    public static async Task<LiveSocketClient> ConnectAsync(int port, string path, string? token = null)
    {
        var client = new LiveSocketClient();
        await client.socket.ConnectAsync(IPAddress.Loopback, port);
        var request = $"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{(token is null ? "" : $"Authorization: Bearer {token}\r\n")}\r\n";
        await client.socket.SendAsync(Encoding.ASCII.GetBytes(request));
        while (true)
        {
            var text = Encoding.ASCII.GetString(client.buffer.AsSpan(0, client.end));
            if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is >= 0 and var headers)
            {
                if (!text.StartsWith("HTTP/1.1 101", StringComparison.Ordinal)) throw new InvalidOperationException($"no socket at {path}: {text}");
                client.start = headers + 4;
                return client;
            }

            await client.FillAsync();
        }
    }

    /// <summary>Sends a text in one frame, masked with zeros.</summary>
    public async Task SendAsync(string text)
    {
        var payload = Encoding.UTF8.GetBytes(text);
        byte[] head = payload.Length < 126 ? [0x81, (byte)(0x80 | payload.Length), 0, 0, 0, 0] : [0x81, 0x80 | 126, (byte)(payload.Length >> 8), (byte)payload.Length, 0, 0, 0, 0];
        await socket.SendAsync((byte[])[.. head, .. payload]);
    }

    /// <summary>The next text; pings are passed over.</summary>
    public async Task<string> NextAsync()
    {
        while (true)
        {
            await NeedAsync(2);
            var (code, length, head) = (buffer[start] & 0x0F, buffer[start + 1] & 0x7F, 2);
            if (length >= 126)
            {
                head = length == 126 ? 4 : 10;
                await NeedAsync(head);
                length = length == 126 ? BinaryPrimitives.ReadUInt16BigEndian(buffer.AsSpan(start + 2)) : (int)BinaryPrimitives.ReadUInt64BigEndian(buffer.AsSpan(start + 2));
            }

            await NeedAsync(head + length);
            var text = Encoding.UTF8.GetString(buffer.AsSpan(start + head, length));
            start += head + length;
            if (code == 1) return text;
            if (code == 8) throw new InvalidOperationException($"the server closed the socket: {text}");
        }
    }

    public void Dispose() => socket.Dispose();

    private async Task NeedAsync(int bytes)
    {
        while (end - start < bytes) await FillAsync();
    }

    private async Task FillAsync()
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        if (end == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        var read = await socket.ReceiveAsync(buffer.AsMemory(end));
        if (read == 0) throw new InvalidOperationException("the server ended the connection");
        end += read;
    }
}
