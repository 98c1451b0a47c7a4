namespace Nexus.Engines.PostgreSql.Blobs;

/// <summary>A blob as a seekable stream that holds one part at a time.</summary>
internal sealed class BlobStream(Func<string, int, CancellationToken, ValueTask<byte[]>> readPart, string sha256, long length) : Stream
{
    private byte[] _part = [];
    private int _number = -1;
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
        var number = (int)(_position / PostgreSqlBlobs.PartSize);
        if (number != _number)
        {
            _part = await readPart(sha256, number, cancellationToken);
            _number = number;
        }

        var offset = (int)(_position % PostgreSqlBlobs.PartSize);
        var count = Math.Min(buffer.Length, _part.Length - offset);
        _part.AsMemory(offset, count).CopyTo(buffer);
        _position += count;
        return count;
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
}
