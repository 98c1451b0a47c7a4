using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Pipeline;

/// <summary>Clients that are slow, broken or hostile, on a real socket: a clean answer of the 400s or a closed connection, and nothing left running.</summary>
public sealed class Hostile_clients
{
    private const string Probe = "/api/custom/probe";

    [Theory]
    [InlineData("/api/business/billing/invoices/%FF%FE", 404)]
    [InlineData("/api/business/billing/invoices/%00", 400)]
    [InlineData("/api/business/billing/invoices/..%2f..%2fetc%2fpasswd", 404)]
    [InlineData("/api/business/billing/invoices?filter[number]=%FF%FE", 200)]
    [InlineData("/api/business/billing/invoices?filter[number][$bad]=1", 400)]
    [InlineData("/api/business/billing/invoices?filter={", 400)]
    [InlineData("/api/business/billing/invoices?cursor=%00%01%02", 200)]
    [InlineData("/api/business/billing/invoices?sort=%ff,-,--,", 400)]
    [InlineData("/api/business/billing/invoices?limit=99999999999999999999", 400)]
    [InlineData("/api/v1/events/%FF", 404)]
    [InlineData("/api/v1/plugins/%2e%2e", 404)]
    [InlineData("/api/v1/data/%2e%2e/%2e%2e/etc", 404)]
    [InlineData("/api/v1/errors/%FF", 404)]
    [InlineData("/api/v1/config?section=%FF", 200)]
    public async Task Odd_addresses_get_a_clean_answer(string path, int status)
    {
        // Without the request rules, which would refuse some of these before the routes see them.
        await using var host = await GatewayHost.StartAsync([("security:requestRules", "off")], kestrel: true, configure: s => s.AddSingleton<IStorage>(new FakeStorage()));
        host.Plugins.Publish(Invoices.Plugin());

        var answer = await SendAsync(host, $"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.True(answer.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), answer);
        await AssertUnharmedAsync(host);
    }

    [Fact]
    public async Task Ten_thousand_levels_of_json_are_refused_before_anything_is_built()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(Invoices.Plugin());

        foreach (var body in new[] { new string('[', 10_000) + new string(']', 10_000), string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000) })
        {
            using var content = new StringContent(body, Encoding.UTF8, "application/json");
            await Problems.AssertAsync(await host.Client.PostAsync(Invoices.Path, content), 400, "JSON_TOO_DEEP");
        }

        Assert.Empty(host.Operations.Changes);
        await AssertUnharmedAsync(host);
    }

    [Theory]
    [InlineData("""{"number":"1","number":"2"}""")]
    [InlineData("""{"a":{"b":1,"\u0062":2}}""")]
    [InlineData("""[{"x":[{"y":1,"y":1}]}]""")]
    public async Task A_key_that_is_given_twice_is_refused_since_readers_disagree_on_which_counts(string body)
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(Invoices.Plugin());

        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        await Problems.AssertAsync(await host.Client.PostAsync(Invoices.Path, content), 400, "BAD_REQUEST");

        Assert.Empty(host.Operations.Changes);
    }

    [Fact]
    public async Task A_repetition_is_found_among_a_thousand_keys_too()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("POST", "/v", c => c.Response.WriteAsync("ok"))));
        string Object(int last) => "{" + string.Join(',', Enumerable.Range(0, 1000).Append(last).Select(i => $"\"k{i}\":{i}")) + "}";

        using var whole = new StringContent(Object(1000), Encoding.UTF8, "application/json");
        using var repeated = new StringContent(Object(3), Encoding.UTF8, "application/json");

        Assert.Equal(HttpStatusCode.OK, (await host.Client.PostAsync(Probe + "/v", whole)).StatusCode);
        await Problems.AssertAsync(await host.Client.PostAsync(Probe + "/v", repeated), 400, "BAD_REQUEST");
    }

    [Theory]
    [InlineData("""{"a":1,"A":2,"b":{"a":1},"c":[{"a":1},{"a":1}]}""")]
    [InlineData("""{"":1," ":2}""")]
    public async Task The_same_key_in_different_objects_or_another_case_is_no_repetition(string body)
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("POST", "/v", c => c.Response.WriteAsync("ok"))));

        using var content = new StringContent(body, Encoding.UTF8, "application/json");

        Assert.Equal(HttpStatusCode.OK, (await host.Client.PostAsync(Probe + "/v", content)).StatusCode);
    }

    [Theory]
    [InlineData("POST {0} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{\"a\"\r\n")]
    [InlineData("POST {0} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"a\"")]
    [InlineData("POST {0} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")]
    [InlineData("POST {0} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf")]
    public async Task A_client_that_goes_away_in_the_middle_of_its_body_leaves_nothing_running(string request)
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        var lease = new FakeGeneration();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", lease, ("POST", "/v", async c =>
        {
            await c.Request.Body.CopyToAsync(Stream.Null, c.RequestAborted);
            await c.Response.WriteAsync("whole");
        })));
        using (var socket = await ConnectAsync(host))
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(string.Format(System.Globalization.CultureInfo.InvariantCulture, request, Probe + "/v")));
            // JSON is read before the plugin is asked, so only other bodies get that far.
            if (!request.Contains("json", StringComparison.Ordinal))
                await Until.HoldsAsync(() => lease.Leases == 1);
            else
                await Task.Delay(50);
        }

        await Until.HoldsAsync(() => lease.Leases == 0, () => $"{lease.Leases} leases");
        await AssertUnharmedAsync(host);
    }

    [Fact]
    public async Task A_client_that_never_ends_its_headers_is_cut_at_the_time_limit()
    {
        await using var host = await GatewayHost.StartAsync([("security:connections:headerSeconds", "0.3")], kestrel: true);

        var answer = await SendAsync(host, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");

        Assert.StartsWith("HTTP/1.1 408", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\0\0\0\0\0\0\0\0\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx")]
    [InlineData("GET /health HTTP/1.1\nHost: localhost\n\n")]
    [InlineData("GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n")]
    [InlineData("GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GÉT /health HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    public async Task Bytes_that_are_no_request_are_refused(string bytes)
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);

        var answer = await SendAsync(host, bytes, mayBeHeld: true);

        Assert.True(answer.Length == 0 || !answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal) && !answer.StartsWith("HTTP/1.1 5", StringComparison.Ordinal) || bytes.StartsWith("GET /health HTTP/1.1\n", StringComparison.Ordinal), answer);
        await AssertUnharmedAsync(host);
    }

    [Fact]
    public async Task Two_hundred_idle_connections_do_not_keep_others_out()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        var sockets = new List<Socket>();
        for (var i = 0; i < 200; i++)
        {
            sockets.Add(await ConnectAsync(host));
            await sockets[^1].SendAsync("GET /he"u8.ToArray());
        }

        await AssertUnharmedAsync(host);
        sockets.ForEach(s => s.Dispose());
    }

    private static async Task AssertUnharmedAsync(GatewayHost host)
    {
        Assert.Equal(HttpStatusCode.OK, (await host.Client.GetAsync("/health")).StatusCode);
        Assert.DoesNotContain(host.Log.Lines, l => l.StartsWith("Error Nexus", StringComparison.Ordinal));
    }

    private static async Task<Socket> ConnectAsync(GatewayHost host)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        return socket;
    }

    /// <summary>What comes back up to the end of its headers. What is no request may be held open for more, without an end: then there is no use in waiting long.</summary>
    private static async Task<string> SendAsync(GatewayHost host, string request, bool mayBeHeld = false)
    {
        using var socket = await ConnectAsync(host);
        await socket.SendAsync(Encoding.Latin1.GetBytes(request));
        var text = new StringBuilder();
        var buffer = new byte[4096];
        using var patience = new CancellationTokenSource(mayBeHeld ? TimeSpan.FromSeconds(5) : Until.Patience);
        try
        {
            for (var read = 1; read > 0 && !text.ToString().Contains("\r\n\r\n", StringComparison.Ordinal);)
            {
                read = await socket.ReceiveAsync(buffer, patience.Token);
                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            // Reset, or held open for more: judged by what the test asserts.
        }
        return text.ToString();
    }
}
