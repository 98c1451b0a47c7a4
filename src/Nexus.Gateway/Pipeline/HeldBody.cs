using System.Buffers;

namespace Nexus.Gateway.Pipeline;

/// <summary>Holds an answer back until its end; one that grows too large, or is a stream, goes through.</summary>
internal sealed class HeldBody(Stream target, int limit, Func<bool>? isStream = null) : Stream
{
    private readonly ArrayBufferWriter<byte> buffer = new();
    private bool through;

    /// <summary>The whole answer, or null when it was too large.</summary>
    public byte[]? Held => through ? null : buffer.WrittenSpan.ToArray();

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Sends what is held.</summary>
    public async Task ReleaseAsync()
    {
        if (!through && buffer.WrittenCount > 0)
            await target.WriteAsync(buffer.WrittenMemory);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        if (!through && buffer.WrittenCount + content.Length <= limit && isStream?.Invoke() != true)
        {
            buffer.Write(content.Span);
            return;
        }
        if (!through)
        {
            through = true;
            await target.WriteAsync(buffer.WrittenMemory, cancellationToken);
        }
        await target.WriteAsync(content, cancellationToken);
    }

    public override Task WriteAsync(byte[] content, int offset, int count, CancellationToken cancellationToken) => WriteAsync(content.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] content, int offset, int count) => WriteAsync(content.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override Task FlushAsync(CancellationToken cancellationToken) => through ? target.FlushAsync(cancellationToken) : Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] content, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
