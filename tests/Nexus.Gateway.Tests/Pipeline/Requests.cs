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

    [Fact]
    public async Task A_file_streams_in_and_out_with_flat_memory()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(FakePlugins.Plugin(
            "sample.probe", null,
            ("POST", "/up", async c => await c.Response.WriteAsync($"{await DrainAsync(c.Request.Body)}")),
            ("GET", "/down", c => new Zeros(50 * 1024 * 1024).CopyToAsync(c.Response.Body))));
        using var content = new StreamContent(new Zeros(50 * 1024 * 1024));
        content.Headers.ContentType = new("application/octet-stream");
        var before = GC.GetTotalAllocatedBytes(precise: true);

        using var up = await host.Client.PostAsync("/api/custom/probe/up", content);
        await using var down = await host.Client.GetStreamAsync("/api/custom/probe/down");

        Assert.Equal("52428800", await up.Content.ReadAsStringAsync());
        Assert.Equal(52_428_800, await DrainAsync(down));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 40 * 1024 * 1024);
    }

    private static async Task<long> DrainAsync(Stream stream)
    {
        var buffer = new byte[64 * 1024];
        long total = 0;
        for (int read; (read = await stream.ReadAsync(buffer)) > 0;)
            total += read;
        return total;
    }

    private sealed class Zeros(long length) : Stream
    {
        private long left = length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = (int)Math.Min(count, left);
            Array.Clear(buffer, offset, read);
            left -= read;
            return read;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
