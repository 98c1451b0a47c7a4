using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Security;

/// <summary>Clients that hold a connection by hardly using it, on a real socket: they are cut within the grace of five seconds, and others are served meanwhile.</summary>
public sealed class Slow_clients
{
    private const string Route = "/api/custom/probe/v";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Who_reads_an_answer_byte_by_byte_is_cut_and_the_handler_ends()
    {
        var lease = new FakeGeneration();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var host = await StartAsync(lease, "GET", async c =>
        {
            try
            {
                var part = new byte[64 * 1024];
                for (var i = 0; i < 1_000; i++) await c.Response.Body.WriteAsync(part, c.RequestAborted);
                // Writes to a connection that was cut go nowhere, and may all be over before the handler is told of it.
                await Task.Delay(Timeout.Infinite, c.RequestAborted);
            }
            finally
            {
                ended.SetResult();
            }
        });
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {Route} HTTP/1.1\r\nHost: localhost\r\n\r\n"));

        using var reading = new CancellationTokenSource();
        var reader = Task.Run(async () =>
        {
            var one = new byte[1];
            while (!reading.IsCancellationRequested)
            {
                await socket.ReceiveAsync(one, reading.Token);
                await Task.Delay(TimeSpan.FromSeconds(1), reading.Token);
            }
        });
        Assert.Equal(200, (int)(await host.Client.GetAsync("/health/live")).StatusCode);
        await ended.Task.WaitAsync(Limit);
        await reading.CancelAsync();

        await Until.HoldsAsync(() => lease.Leases == 0, () => $"{lease.Leases} leases");
        await Assert.ThrowsAnyAsync<Exception>(() => reader);
    }

    [Fact]
    public async Task Who_sends_a_body_byte_by_byte_is_cut_and_the_handler_ends()
    {
        var lease = new FakeGeneration();
        await using var host = await StartAsync(lease, "POST", c => c.Request.Body.CopyToAsync(Stream.Null, c.RequestAborted));
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"POST {Route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 100000\r\n\r\n"));
        var clock = Stopwatch.StartNew();
        var answer = ReadAsync(socket);
        while (!answer.IsCompleted && clock.Elapsed < Limit)
        {
            try
            {
                await socket.SendAsync("x"u8.ToArray());
            }
            catch (SocketException)
            {
                break;
            }

            await Task.WhenAny(answer, Task.Delay(TimeSpan.FromSeconds(1)));
        }

        var text = await answer.WaitAsync(Until.Patience);
        Assert.True(text.Length == 0 || text.StartsWith("HTTP/1.1 408", StringComparison.Ordinal), text);
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(1), Limit);
        await Until.HoldsAsync(() => lease.Leases == 0, () => $"{lease.Leases} leases");
    }

    [Fact]
    public async Task A_chunked_body_that_grows_too_large_is_refused_and_the_server_drains_the_rest_without_an_error()
    {
        await using var host = await GatewayHost.StartAsync([("server:limits:jsonBytes", "2048")], kestrel: true);
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("POST", "/v", c => c.Response.WriteAsync("ok"))));
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        var chunk = $"400\r\n{new string(' ', 1024)}\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes($"POST {Route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}"));
        await Task.Delay(100);
        await socket.SendAsync(Encoding.ASCII.GetBytes(chunk));
        var refusal = new byte[12];
        for (var got = 0; got < refusal.Length;)
            got += await socket.ReceiveAsync(refusal.AsMemory(got)).AsTask().WaitAsync(Limit) is > 0 and var read ? read : throw new InvalidOperationException("It closed the connection.");
        await socket.SendAsync(Encoding.ASCII.GetBytes($"{chunk}0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));

        var text = await ReadAsync(socket).WaitAsync(Limit);

        Assert.Equal("HTTP/1.1 413", Encoding.ASCII.GetString(refusal));
        Assert.Contains("HTTP/1.1 200", text, StringComparison.Ordinal);
        Assert.DoesNotContain(host.Log.Lines, l => l.Contains("Reading is already in progress", StringComparison.Ordinal));
    }

    private static async Task<GatewayHost> StartAsync(FakeGeneration lease, string method, RequestDelegate handler)
    {
        // The time allowed grows with what the system's own buffers took, a few megabytes, so the rate is high.
        var host = await GatewayHost.StartAsync([("security:connections:bytesPerSecond", "2000000")], kestrel: true);
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", lease, (method, "/v", handler)));
        return host;
    }

    private static async Task<string> ReadAsync(Socket socket)
    {
        var (text, buffer) = (new StringBuilder(), new byte[4096]);
        try
        {
            for (int read; (read = await socket.ReceiveAsync(buffer)) > 0;) text.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }
        catch (SocketException)
        {
            // Reset: what came before it is the answer.
        }

        return text.ToString();
    }
}
