using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Pipeline;

/// <summary>Runs alone: what is allocated is counted for the whole process, the neighbours' too.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class Flat_memory
{
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
