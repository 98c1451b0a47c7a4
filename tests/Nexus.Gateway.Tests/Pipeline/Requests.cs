using System.Globalization;
using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Pipeline;

public sealed class Requests
{
    [Theory]
    [InlineData("abc-123", true)]
    [InlineData("two words", false)]
    [InlineData("<script>", false)]
    public async Task A_request_id_is_taken_over_when_it_is_harmless(string id, bool kept)
    {
        await using var host = await GatewayHost.StartAsync();

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, ("X-Request-ID", id));

        var given = answer.Headers.GetValues("X-Request-ID").Single();
        Assert.Equal(kept, given == id);
        Assert.NotEqual("", given);
    }

    [Fact]
    public async Task Every_answer_says_how_long_it_took()
    {
        await using var host = await GatewayHost.StartAsync();

        var seconds = double.Parse((await host.Client.GetAsync("/health")).Headers.GetValues("X-Process-Time").Single(), CultureInfo.InvariantCulture);

        Assert.InRange(seconds, 0.000001, 10);
    }

    [Theory]
    [InlineData("br")]
    [InlineData("gzip")]
    public async Task Answers_are_compressed_as_the_caller_accepts(string encoding)
    {
        await using var host = await GatewayHost.StartAsync();
        var plain = await host.Client.GetByteArrayAsync("/openapi.json");

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Get, "/openapi.json", null, ("Accept-Encoding", encoding));
        var packed = await answer.Content.ReadAsStreamAsync();
        using Stream unpacked = encoding == "br" ? new BrotliStream(packed, CompressionMode.Decompress) : new GZipStream(packed, CompressionMode.Decompress);
        using var memory = new MemoryStream();
        await unpacked.CopyToAsync(memory);

        Assert.Equal(encoding, answer.Content.Headers.ContentEncoding.Single());
        Assert.Equal(plain, memory.ToArray());
    }

    [Fact]
    public async Task The_callers_context_reaches_nested_code_of_a_handler()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/v", async c =>
        {
            await Task.Yield();
            await c.Response.WriteAsync($"{CallContext.Current.Caller.Id} {CallContext.Current.CorrelationId}");
        })));

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Get, "/api/custom/probe/v", null, ("X-Request-ID", "r-1"));

        Assert.Equal("local r-1", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_access_line_is_logged_for_requests_but_not_for_probes()
    {
        await using var host = await GatewayHost.StartAsync();

        await host.Client.GetAsync("/health");
        await host.Client.GetAsync("/nowhere");

        var line = Assert.Single(host.Log.Lines, l => l.Contains("Nexus.Access", StringComparison.Ordinal));
        Assert.StartsWith("Information Nexus.Access: GET /nowhere 404", line, StringComparison.Ordinal);
    }
}
