namespace Nexus.Gateway.Forwarding;

/// <summary>
/// A body without a length, for one sending after another. What was read of it is kept up to a limit, so that the next sending reads it from its beginning, also when
/// the one before broke off in the middle: a read of the source that was under way then is waited for by whoever reads now. Thread-safe.
/// </summary>
internal sealed class KeptBody(Stream source, long limit) : IAsyncDisposable
{
    private const int Most = 16 * 1024;
    private readonly Lock gate = new();
    private MemoryStream kept = new();
    private readonly CancellationTokenSource over = new();
    private Reader? current;
    private Task? underWay;
    private bool ended;
    private bool isForgotten;
    private bool isLost;

    /// <summary>Gives the body to the next sending, from its beginning; the reader before gets nothing any more.</summary>
    /// <returns>Null when a part of it was not kept.</returns>
    public Stream? TryRead()
    {
        lock (gate)
            return isLost ? null : current = new Reader(this);
    }

    /// <summary>Nobody will ask for it again: what is left is kept no more.</summary>
    public void Forget()
    {
        lock (gate)
            isForgotten = true;
    }

    public async ValueTask DisposeAsync()
    {
        Task? last;
        lock (gate)
            (current, last) = (null, underWay);
        if (last is { IsCompleted: false })
        {
            await over.CancelAsync();
            await last.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        over.Dispose();
    }

    private async ValueTask<int> ReadAsync(Reader reader, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (buffer.IsEmpty)
            return 0;
        while (true)
        {
            Task? filling;
            lock (gate)
            {
                if (reader != current)
                    throw new IOException("The body is read by a later sending.");
                if (reader.At < kept.Length)
                {
                    var count = Math.Min(buffer.Length, (int)kept.Length - reader.At);
                    kept.GetBuffer().AsMemory(reader.At, count).CopyTo(buffer);
                    reader.At += count;
                    return count;
                }

                if (ended)
                    return 0;
                if (underWay is null or { IsCompleted: true })
                {
                    isLost |= isForgotten || kept.Length > limit;
                    underWay = isLost ? null : FillAsync();
                }

                filling = underWay;
                if (isLost && kept.Capacity > 0)
                    (kept, reader.At) = (new MemoryStream(), 0);
            }

            if (filling is null)
                return await source.ReadAsync(buffer, cancellationToken);
            await filling.WaitAsync(cancellationToken);
        }
    }

    private async Task FillAsync()
    {
        var more = new byte[Math.Min(Most, limit + 1 - kept.Length)];
        var read = await source.ReadAsync(more, over.Token);
        lock (gate)
        {
            kept.Write(more, 0, read);
            ended = read == 0;
        }
    }

    private sealed class Reader(KeptBody body) : Stream
    {
        public int At { get; set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => body.ReadAsync(this, buffer, cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
