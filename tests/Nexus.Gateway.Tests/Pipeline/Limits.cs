using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Pipeline;

public sealed class Limits
{
    [Fact]
    public async Task Each_limit_of_a_json_body_has_its_own_code()
    {
        await using var host = await GatewayHost.StartAsync([("server:limits:jsonBytes", "20000")]);
        var calls = 0;
        host.Plugins.Publish(Invoices.Plugin(), FakePlugins.Plugin("sample.probe", null, ("POST", "/v", c => { calls++; return c.Response.WriteAsync("ran"); })));
        (string Body, int Status, string Code)[] refused =
        [
            ("{\"a\":" + new string('[', 10) + new string(']', 10) + "}", 400, "JSON_TOO_DEEP"),
            ("{\"a\":[" + string.Join(',', Enumerable.Repeat("1", 1001)) + "]}", 400, "ARRAY_TOO_LONG"),
            ("{\"a\":\"" + new string('x', 10_001) + "\"}", 400, "STRING_TOO_LONG"),
            ("{\"a\":\"" + string.Concat(Enumerable.Repeat("xxxxxxxxx\\n", 1001)) + "\"}", 400, "STRING_TOO_LONG"),
            ("{\"a\":[" + string.Join(',', Enumerable.Repeat("\"xxxxxxxxxxxxxxxxxxxx\"", 900)) + "]}", 413, "PAYLOAD_TOO_LARGE"),
            ("{\"a\":1}}", 400, "BAD_REQUEST"),
            ("{\"a\":1", 400, "BAD_REQUEST"),
        ];

        foreach (var path in new[] { "/api/custom/probe/v", Invoices.Path })
        {
            foreach (var (body, status, code) in refused)
                await Problems.AssertAsync(await host.Client.PostAsync(path, Resource_routes.Json(body)), status, code);
        }

        Assert.Equal(0, calls);
        Assert.Empty(host.Operations.Changes);
    }

    [Fact]
    public async Task What_is_just_within_the_limits_passes()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("POST", "/v", async c =>
        {
            using var reader = new StreamReader(c.Request.Body);
            await c.Response.WriteAsync($"{(await reader.ReadToEndAsync()).Length}");
        })));
        var body = "{\"a\":" + new string('[', 9) + new string(']', 9) + ",\"b\":[" + string.Join(',', Enumerable.Repeat("1", 1000)) + "],\"c\":\"" + new string('é', 10_000) + "\"}";

        var answer = await host.Client.PostAsync("/api/custom/probe/v", Resource_routes.Json(body));

        Assert.Equal($"{body.Length}", await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(new byte[] { (byte)'{', (byte)'"', (byte)'a', (byte)'"', (byte)':', (byte)'"', 0xC3, 0x28, (byte)'"', (byte)'}' })]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x00 })]
    [InlineData(new byte[] { (byte)'{', (byte)'"', (byte)'a', (byte)'"', (byte)':', (byte)'"', (byte)'\\', (byte)'u', (byte)'d', (byte)'8', (byte)'0', (byte)'0', (byte)'"', (byte)'}' })]
    public async Task Text_that_is_not_utf8_is_refused(byte[] body)
    {
        await using var host = await Resource_routes.StartAsync();
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new("application/json");

        await Problems.AssertAsync(await host.Client.PostAsync(Invoices.Path, content), 400, "BAD_REQUEST");
        Assert.Empty(host.Operations.Changes);
    }

    [Fact]
    public async Task A_slow_body_is_cut_at_its_time_limit()
    {
        await using var host = await GatewayHost.StartAsync([("server:limits:bodySeconds", "0.3")], kestrel: true);
        host.Plugins.Publish(Invoices.Plugin());
        using var socket = await ConnectAsync(host);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"POST {Invoices.Path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"));

        Assert.StartsWith("HTTP/1.1 408", await ReadAsync(socket), StringComparison.Ordinal);
        Assert.Empty(host.Operations.Changes);
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("GET / HTTP/9.9\r\n\r\n")]
    [InlineData("GET /health HTTP/1.1\r\n\r\n")]
    [InlineData("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n")]
    [InlineData("GET /%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")]
    [InlineData("GET /api/business/billing/invoices?filter[%FF]=1&filter[number][$no]=2&sort=,,,&limit=-1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")]
    [InlineData("POST /api/business/billing/invoices HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n")]
    [InlineData("POST /api/business/billing/invoices HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n")]
    [InlineData("POST /api/business/billing/invoices HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")]
    [InlineData("PATCH /api/business/billing/invoices/x HTTP/1.1\r\nHost: localhost\r\nIf-Match: \"99999999999999999999\"\r\nContent-Type: ;;;\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")]
    [InlineData("")]
    public async Task Garbage_never_harms_the_node(string garbage)
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(Invoices.Plugin());
        using (var socket = await ConnectAsync(host))
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(garbage));
            socket.Shutdown(SocketShutdown.Send);
            var answer = await ReadAsync(socket);
            Assert.DoesNotContain("HTTP/1.1 500", answer, StringComparison.Ordinal);
            Assert.DoesNotContain("<html", answer, StringComparison.OrdinalIgnoreCase);
        }

        var alive = await host.Client.GetAsync("/health");
        Assert.True(alive.StatusCode == HttpStatusCode.OK, string.Join('\n', host.Log.Lines));
        Assert.DoesNotContain(host.Log.Lines, l => l.StartsWith("Error Nexus", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Headers_beyond_the_limit_answer_431()
    {
        await using var host = await GatewayHost.StartAsync([("server:limits:headerBytes", "4096")], kestrel: true);
        using var socket = await ConnectAsync(host);
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Big: " + new string('x', 8000) + "\r\n\r\n"));

        Assert.StartsWith("HTTP/1.1 431", await ReadAsync(socket), StringComparison.Ordinal);
    }

    private static async Task<Socket> ConnectAsync(GatewayHost host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        return socket;
    }

    private static async Task<string> ReadAsync(Socket socket)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        using var patience = new CancellationTokenSource(Until.Patience);
        try
        {
            for (var read = 1; read > 0;)
            {
                read = await socket.ReceiveAsync(buffer, patience.Token);
                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
                if (text.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
                    break;
            }
        }
        catch (SocketException)
        {
            // Reset by the server: also an answer to garbage.
        }
        return text.ToString();
    }
}
