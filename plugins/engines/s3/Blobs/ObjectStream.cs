using Amazon.S3.Model;
using Nexus.Engines.S3.Connections;

namespace Nexus.Engines.S3.Blobs;

/// <summary>An object as a seekable stream. It asks for ranges: a short one first, longer ones while reading goes on in order, so that a look at some bytes costs little. A range that breaks off is asked for again from where it broke.</summary>
internal sealed class ObjectStream(Bucket bucket, string key, long length) : Stream
{
    private const long Shortest = 256 * 1024;
    private const long Longest = 16 << 20;

    private GetObjectResponse? _range;
    private long _rangeAt;
    private long _rangeEnd;
    private long _window = Shortest;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position >= length || buffer.IsEmpty)
            return 0;
        for (var tries = 0; ; tries++)
        {
            // Not part of what is asked for again: the client library has tried by itself.
            if (_range is null || _rangeAt != _position || _position >= _rangeEnd)
                await OpenAsync(cancellationToken);
            try
            {
                var read = await ReadRangeAsync(buffer, cancellationToken);
                if (read > 0)
                    return read;
                throw new IOException("The range ended early.");
            }
            catch (Exception e) when (S3Failures.IsOurs(e))
            {
                cancellationToken.ThrowIfCancellationRequested();
                Close(ref _range);
                if (tries >= bucket.Settings.Retries)
                    throw S3Failures.Explain(e, bucket.Settings);
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch { SeekOrigin.Begin => offset, SeekOrigin.Current => _position + offset, _ => length + offset };

    public override void Flush()
    {
        // There is nothing to write.
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        Close(ref _range);
        base.Dispose(disposing);
    }

    private static void Close(ref GetObjectResponse? range)
    {
        range?.Dispose();
        range = null;
    }

    private async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        _window = _position > 0 && _position == _rangeEnd ? Math.Min(_window * 2, Longest) : Shortest;
        Close(ref _range);
        (_rangeAt, _rangeEnd) = (_position, Math.Min(_position + _window, length));
        var request = new GetObjectRequest { BucketName = bucket.Settings.Bucket, Key = key, ByteRange = new ByteRange(_rangeAt, _rangeEnd - 1) };
        _range = await bucket.FindAsync(client => client.GetObjectAsync(request, cancellationToken), cancellationToken)
            ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"The blob {key[(key.LastIndexOf('/') + 1)..]} was deleted while it was read.");
    }

    private async ValueTask<int> ReadRangeAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        // The client's own limit ends with the headers of the answer.
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(bucket.Settings.Timeout);
        var most = (int)Math.Min(buffer.Length, _rangeEnd - _position);
        var read = await _range!.ResponseStream.ReadAsync(buffer[..most], limit.Token);
        _position += read;
        _rangeAt = _position;
        return read;
    }
}
