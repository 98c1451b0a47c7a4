using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Nexus.Bench;

/// <summary>A load of unary gRPC calls, one after another on each connection of HTTP/2 over plain sockets: as little of a client as the protocol allows, so that the server is what is measured.</summary>
internal sealed class GrpcLoad(int port, string path, byte[] message)
{
    /// <summary>Runs connections for a time; a call counts when a message and then the end of its stream came.</summary>
    public async Task<LoadResult> RunAsync(int clients, TimeSpan duration)
    {
        var results = new ConcurrentBag<(long Done, long Failed)>();
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            using var connection = await Http2Connection.OpenAsync(port, path, message);
            long done = 0, failed = 0;
            while (clock.Elapsed < duration)
            {
                if (await connection.CallAsync()) done++;
                else failed++;
            }

            results.Add((done, failed));
        })));
        return new LoadResult(results.Sum(r => r.Done), results.Sum(r => r.Failed), clock.Elapsed, [], results.Any(r => r.Failed > 0) ? "a call ended without a message" : null);
    }

    /// <summary>One connection. Its headers are literals that no table keeps, so that each call's bytes differ in the stream's number alone.</summary>
    private sealed class Http2Connection : IDisposable
    {
        private const byte Data = 0, Headers = 1, Settings = 4, Ping = 6, EndOfStream = 1, Ack = 1, EndOfHeaders = 4;
        private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        private readonly byte[] buffer = new byte[64 * 1024];
        private readonly byte[] call;
        private readonly int dataAt;
        private int stream = -1;
        private int filled;

        private Http2Connection(int port, string path, byte[] message)
        {
            byte[] fields = [0x83, 0x86, .. Literal(":path", path), .. Literal(":authority", $"127.0.0.1:{port}"), .. Literal("content-type", "application/grpc"), .. Literal("te", "trailers")];
            var prefix = new byte[5];
            BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
            byte[] body = [.. prefix, .. message];
            call = [.. Frame(Headers, EndOfHeaders, fields), .. Frame(Data, EndOfStream, body)];
            dataAt = 9 + fields.Length;
        }

        public static async Task<Http2Connection> OpenAsync(int port, string path, byte[] message)
        {
            var connection = new Http2Connection(port, path, message);
            await connection.socket.ConnectAsync(IPAddress.Loopback, port);
            // The window of the whole connection is opened once for all that will come.
            await connection.socket.SendAsync((byte[])[.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, []), .. Frame(8, 0, [0x7F, 0xFE, 0, 0])]);
            return connection;
        }

        public async Task<bool> CallAsync()
        {
            stream += 2;
            BinaryPrimitives.WriteInt32BigEndian(call.AsSpan(5), stream);
            BinaryPrimitives.WriteInt32BigEndian(call.AsSpan(dataAt + 5), stream);
            await socket.SendAsync(call);
            var answered = false;
            while (true)
            {
                while (filled < 9 || filled < 9 + Length) await FillAsync();
                var (length, type, flags, of) = (Length, buffer[3], buffer[4], BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(5)));
                if (type is Settings or Ping && (flags & Ack) == 0) await socket.SendAsync(Frame(type, Ack, type == Ping ? buffer[9..17] : []));
                answered |= type == Data && of == stream && length > 5;
                buffer.AsSpan(9 + length, filled - 9 - length).CopyTo(buffer);
                filled -= 9 + length;
                if (of == stream && type is Data or Headers && (flags & EndOfStream) != 0) return answered;
                if (of == stream && type == 3) return false;
            }
        }

        public void Dispose() => socket.Dispose();

        private int Length => (buffer[0] << 16) | (buffer[1] << 8) | buffer[2];

        private async ValueTask FillAsync()
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(filled));
            if (read == 0) throw new IOException("closed by the server");
            filled += read;
        }

        private static byte[] Frame(byte type, byte flags, byte[] payload) => [(byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, 0, 0, 0, 0, .. payload];

        private static byte[] Literal(string name, string value) => [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
    }
}
