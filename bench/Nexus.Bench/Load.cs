using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Nexus.Bench;

/// <summary>A load of keep-alive HTTP/1.1 connections over plain sockets: the client costs little, so that the server is what is measured.</summary>
internal sealed class Load(int port)
{
    /// <summary>Runs <paramref name="clients"/> connections for a time; each sends what <paramref name="request"/> returns and checks the status by <paramref name="accept"/>.</summary>
    public async Task<LoadResult> RunAsync(int clients, TimeSpan duration, Func<int, byte[]> request, Func<int, bool>? accept = null, CancellationToken stop = default)
    {
        accept ??= status => status is >= 200 and < 300;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var results = new ConcurrentBag<(long Done, long Failed, List<double> Latencies, string? Error)>();
        var clock = Stopwatch.StartNew();
        var runners = Enumerable.Range(0, clients).Select(n => Task.Run(async () =>
        {
            long done = 0, failed = 0;
            string? error = null;
            var latencies = new List<double>(1 << 14);
            using var connection = await Connection.OpenAsync(port);
            while (clock.Elapsed < duration && !end.IsCancellationRequested)
            {
                var start = Stopwatch.GetTimestamp();
                try
                {
                    var status = await connection.SendAsync(request(n));
                    if (accept(status)) done++;
                    else
                    {
                        failed++;
                        error ??= $"status {status}: {connection.LastBody}";
                    }
                }
                catch (IOException failure)
                {
                    failed++;
                    error ??= failure.Message;
                    await connection.ReopenAsync();
                }

                latencies.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            results.Add((done, failed, latencies, error));
        })).ToArray();
        await Task.WhenAll(runners);
        var all = results.SelectMany(r => r.Latencies).Order().ToArray();
        return new LoadResult(results.Sum(r => r.Done), results.Sum(r => r.Failed), clock.Elapsed, all, results.Select(r => r.Error).FirstOrDefault(e => e is not null));
    }

    public static byte[] Get(string path) => Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");

    public static byte[] Post(string path, string json) => Encoding.UTF8.GetBytes($"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}");
}

/// <summary>What a load saw.</summary>
internal sealed record LoadResult(long Done, long Failed, TimeSpan Elapsed, double[] Latencies, string? FirstError)
{
    public double PerSecond => Done / Elapsed.TotalSeconds;

    /// <summary>Latency in ms below which a share of the requests lies.</summary>
    public double Quantile(double share) => Latencies.Length == 0 ? 0 : Latencies[Math.Min(Latencies.Length - 1, (int)(Latencies.Length * share))];
}

/// <summary>One keep-alive connection that understands Content-Length and chunked answers.</summary>
internal sealed class Connection : IDisposable
{
    private readonly int port;
    private readonly byte[] buffer = new byte[64 * 1024];
    private Socket socket = null!;
    private int filled;

    private Connection(int port) => this.port = port;

    public string LastBody { get; private set; } = "";

    public static async Task<Connection> OpenAsync(int port)
    {
        var connection = new Connection(port);
        await connection.ReopenAsync();
        return connection;
    }

    public async Task ReopenAsync()
    {
        socket?.Dispose();
        socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        filled = 0;
    }

    public async Task<int> SendAsync(byte[] request)
    {
        try
        {
            await socket.SendAsync(request);
            int head;
            while ((head = buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8)) < 0) await FillAsync();
            var status = (buffer[9] - '0') * 100 + (buffer[10] - '0') * 10 + (buffer[11] - '0');
            var length = ContentLength(buffer.AsSpan(0, head));
            var body = head + 4;
            if (length >= 0)
            {
                await TakeAsync(body, length, status);
                return status;
            }

            if (status is 204 or 304)
            {
                Shift(body);
                return status;
            }

            int end;
            while ((end = buffer.AsSpan(body, filled - body).IndexOf("0\r\n\r\n"u8)) < 0) await FillAsync();
            LastBody = status >= 400 ? Encoding.UTF8.GetString(buffer, body, end) : "";
            Shift(body + end + 5);
            return status;
        }
        catch (SocketException error)
        {
            throw new IOException(error.Message, error);
        }
    }

    public void Dispose() => socket.Dispose();

    private async Task TakeAsync(int body, int length, int status)
    {
        if (body + length > buffer.Length)
        {
            var left = length - (filled - body);
            while (left > 0)
            {
                var read = await socket.ReceiveAsync(buffer.AsMemory(0, Math.Min(left, buffer.Length)));
                if (read == 0) throw new IOException("closed within a body");
                left -= read;
            }

            filled = 0;
            return;
        }

        while (filled < body + length) await FillAsync();
        LastBody = status >= 400 ? Encoding.UTF8.GetString(buffer, body, length) : "";
        Shift(body + length);
    }

    private async ValueTask FillAsync()
    {
        if (filled == buffer.Length) throw new IOException("the answer is larger than the buffer");
        var read = await socket.ReceiveAsync(buffer.AsMemory(filled));
        if (read == 0) throw new IOException("closed by the server");
        filled += read;
    }

    private void Shift(int taken)
    {
        buffer.AsSpan(taken, filled - taken).CopyTo(buffer);
        filled -= taken;
    }

    private static int ContentLength(ReadOnlySpan<byte> head)
    {
        var at = head.IndexOf("Content-Length: "u8);
        if (at < 0) return -1;
        var value = head[(at + 16)..];
        var length = 0;
        foreach (var digit in value)
        {
            if (digit is < (byte)'0' or > (byte)'9') break;
            length = length * 10 + digit - '0';
        }

        return length;
    }
}
