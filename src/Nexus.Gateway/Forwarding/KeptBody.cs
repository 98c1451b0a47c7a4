namespace Nexus.Gateway.Forwarding;

/// <summary>A body without a length: what was read of it is kept, up to a limit, so that it can be read from its beginning again. Has one reader at a time.</summary>
internal sealed class KeptBody(Stream source, long limit) : Stream
{
    private MemoryStream? kept = new();
    private int position;
    private bool wasRead;
    private bool ended;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Goes back to the beginning.</summary>
    /// <returns>Whether it can: nothing was read yet, or all of it was and was kept.</returns>
    public bool TryRewind()
    {
        if (kept is null || wasRead && !ended)
            return false;
        position = 0;
        return true;
    }

    /// <summary>Keeps nothing any more; what is left is read once.</summary>
    public void Forget()
    {
        // What was kept and not read again yet still has to be.
        if (kept is null || position >= kept.Length)
            kept = null;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (kept is { } all && position < all.Length)
        {
            var again = Math.Min(buffer.Length, (int)all.Length - position);
            all.GetBuffer().AsMemory(position, again).CopyTo(buffer);
            position += again;
            return again;
        }

        wasRead = true;
        var read = await source.ReadAsync(buffer, cancellationToken);
        ended |= read == 0 && buffer.Length > 0;
        if (kept is null)
            return read;
        if (kept.Length + read > limit)
        {
            kept = null;
            return read;
        }

        kept.Write(buffer.Span[..read]);
        position += read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
