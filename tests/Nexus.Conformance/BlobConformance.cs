using System.Security.Cryptography;

namespace Nexus.Conformance;

/// <summary>What every store of blobs must do, be it an engine's own or one beside it. A store passes when a class derived for it is green.</summary>
public abstract class BlobConformance : IAsyncLifetime
{
    private IAsyncDisposable _opened = null!;

    protected string Folder { get; } = Directory.CreateTempSubdirectory("nexus-blobs-").FullName;

    protected IBlobStore Store { get; private set; } = null!;

    protected IBlobs Mine => Store.Get("a", "t1");

    protected IBlobs Theirs => Store.Get("b", "t1");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Opens a store that is empty, with what closes it.</summary>
    protected abstract ValueTask<(IBlobStore Store, IAsyncDisposable Opened)> OpenAsync();

    public async ValueTask InitializeAsync() => (Store, _opened) = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await (_opened?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(262_143)]
    [InlineData(262_144)]
    [InlineData(262_145)]
    [InlineData(20_000_001)]
    public async Task A_stream_of_any_length_comes_back_whole_under_its_hash(int length)
    {
        var content = Bytes(length);

        var blob = await Mine.PutAsync(new Trickle(content), Token);

        Assert.Equal(new BlobReference(Hash(content), length), blob);
        await using var stream = (await Mine.OpenAsync(blob.Sha256, Token))!;
        Assert.Equal(length, stream.Length);
        Assert.Equal(blob.Sha256, Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, Token)));
    }

    [Fact]
    public async Task Any_range_is_read_after_a_seek_forwards_or_backwards()
    {
        var content = Bytes(2_000_000);
        var blob = await Mine.PutAsync(new MemoryStream(content), Token);
        await using var stream = (await Mine.OpenAsync(blob.Sha256, Token))!;
        foreach (var (at, count) in new[] { (1_999_990, 10), (0, 5), (262_140, 10), (262_144, 300_000), (5, 1), (1_000_000, 700_000), (1_700_000, 1) })
        {
            var bytes = new byte[count];
            Assert.Equal(at, stream.Seek(at, SeekOrigin.Begin));
            await stream.ReadExactlyAsync(bytes, Token);
            Assert.True(content.AsSpan(at, count).SequenceEqual(bytes), $"{count} bytes at {at} differ");
            Assert.Equal(at + count, stream.Position);
        }

        Assert.Equal(1_999_997, stream.Seek(-3, SeekOrigin.End));
        Assert.Equal(3, await stream.ReadAtLeastAsync(new byte[20], 20, throwOnEndOfStream: false, Token));
        stream.Position = 3_000_000;
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Token));
    }

    [Fact]
    public async Task A_blob_is_its_owners_within_its_tenant_alone()
    {
        var content = Bytes(300_000);
        var blob = await Mine.PutAsync(new MemoryStream(content), Token);

        Assert.Null(await Theirs.OpenAsync(blob.Sha256, Token));
        Assert.Null(await Store.Get("a", "t2").OpenAsync(blob.Sha256, Token));
        Assert.False(await Theirs.DeleteAsync(blob.Sha256, Token));
        await Theirs.PutAsync(new MemoryStream(content), Token);
        Assert.True(await Mine.DeleteAsync(blob.Sha256, Token));
        Assert.False(await Mine.DeleteAsync(blob.Sha256, Token));
        Assert.Null(await Mine.OpenAsync(blob.Sha256, Token));
        Assert.Equal(content, await ReadAsync(Theirs, blob.Sha256));
        Assert.True(await Theirs.DeleteAsync(blob.Sha256, Token));
        Assert.Null(await Theirs.OpenAsync(blob.Sha256, Token));
    }

    [Fact]
    public async Task Equal_content_of_one_owner_is_there_once()
    {
        var first = await Mine.PutAsync(new MemoryStream(Bytes(1_000)), Token);

        Assert.Equal(first, await Mine.PutAsync(new MemoryStream(Bytes(1_000)), Token));
        Assert.Single(await ListAsync());
        Assert.True(await Mine.DeleteAsync(first.Sha256, Token));
        Assert.Empty(await ListAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../nexus.db")]
    [InlineData("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85")]
    public async Task What_is_no_hash_is_not_found(string name)
    {
        await Mine.PutAsync(new MemoryStream(), Token);

        Assert.Null(await Mine.OpenAsync(name, Token));
        Assert.False(await Mine.DeleteAsync(name, Token));
    }

    [Fact]
    public async Task Owners_and_tenants_of_any_name_stay_apart_and_are_listed_as_they_are()
    {
        string[] names = ["a", "A", "..", ".", "a/b", "a=2fb", "ä ü%20", "a.b", "a.b.c", "-"];
        var content = Bytes(10);
        foreach (var name in names)
        {
            await Store.Get(name, "t1").PutAsync(new MemoryStream(content), Token);
            await Store.Get("one", name).PutAsync(new MemoryStream(content), Token);
        }

        Assert.Equal(names.Select(n => (n, "t1")).Concat(names.Select(n => ("one", n))).OrderBy(p => p, Comparer<(string, string)>.Create((x, y) => string.CompareOrdinal(x.ToString(), y.ToString()))),
            (await ListAsync()).Select(b => (b.Owner, b.Tenant)).OrderBy(p => p, Comparer<(string, string)>.Create((x, y) => string.CompareOrdinal(x.ToString(), y.ToString()))));
        Assert.True(await Store.Get("..", "t1").DeleteAsync(Hash(content), Token));
        Assert.NotNull(await Store.Get(".", "t1").OpenAsync(Hash(content), Token));
    }

    [Fact]
    public async Task All_of_an_owner_or_of_a_tenant_are_listed_and_deleted()
    {
        foreach (var (owner, tenant) in new[] { ("a", "t1"), ("a", "t2"), ("b", "t1"), ("b", "t2") })
        {
            await Store.Get(owner, tenant).PutAsync(new MemoryStream(Bytes(10)), Token);
            await Store.Get(owner, tenant).PutAsync(new MemoryStream(Bytes(11)), Token);
        }

        Assert.Equal(8, (await ListAsync()).Count);
        Assert.Equal([10, 11], (await ListAsync("a", "t1")).Select(b => b.Length).Order());
        Assert.Equal(["t1", "t1", "t2", "t2"], (await ListAsync("a")).Select(b => b.Tenant).Order());
        Assert.Equal(["a", "a", "b", "b"], (await ListAsync(null, "t2")).Select(b => b.Owner).Order());
        Assert.Equal([.. new[] { Hash(Bytes(10)), Hash(Bytes(11)) }.Order()], (await ListAsync("b", "t2")).Select(b => b.Sha256).Order());
        Assert.Equal(2, await Store.DeleteAllAsync("b", "t2", Token));
        Assert.Equal(4, await Store.DeleteAllAsync(null, "t1", Token));
        Assert.Equal([("a", "t2"), ("a", "t2")], (await ListAsync()).Select(b => (b.Owner, b.Tenant)));
        Assert.Equal(0, await Store.DeleteAllAsync("nobody", null, Token));
    }

    [Fact]
    public async Task Parts_of_an_owner_are_listed_and_deleted_with_it_and_nothing_beside_them()
    {
        foreach (var owner in new[] { "a", "a/one", "a/one/two", "a-b", "a.b", "a0", "ab/one" })
            await Store.Get(owner, "t1").PutAsync(new MemoryStream(Bytes(10)), Token);

        Assert.Equal(["a", "a/one", "a/one/two"], (await ListAsync("a")).Select(b => b.Owner).Order(StringComparer.Ordinal));
        Assert.Equal(["a/one", "a/one/two"], (await ListAsync("a/one", "t1")).Select(b => b.Owner).Order(StringComparer.Ordinal));
        Assert.True(await Store.Get("a/one", "t1").DeleteAsync(Hash(Bytes(10)), Token));
        Assert.NotNull(await Mine.OpenAsync(Hash(Bytes(10)), Token));
        Assert.Equal(2, await Store.DeleteAllAsync("a", null, Token));
        Assert.Equal(["a-b", "a.b", "a0", "ab/one"], (await ListAsync()).Select(b => b.Owner).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_source_that_fails_or_is_given_up_leaves_nothing()
    {
        await Assert.ThrowsAnyAsync<Exception>(() => Mine.PutAsync(new Trickle(Bytes(3_000_000), failAt: 2_500_000), Token).AsTask());
        using var given = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Mine.PutAsync(new Trickle(Bytes(3_000_000), () => given.Cancel()), given.Token).AsTask());

        Assert.Empty(await ListAsync());
        var blob = await Mine.PutAsync(new MemoryStream(Bytes(3_000_000)), Token);
        Assert.Equal(blob, Assert.Single(await ListAsync()) is var kept ? new BlobReference(kept.Sha256, 3_000_000) : null);
    }

    [Fact]
    public async Task Equal_content_put_and_deleted_at_once_by_several_is_never_lost_for_who_keeps_it()
    {
        var content = Bytes(400_000);
        var hash = Hash(content);
        await Theirs.PutAsync(new MemoryStream(content), Token);
        for (var round = 0; round < 15; round++)
        {
            var readers = Enumerable.Range(0, 2).Select(async _ => Assert.Equal(content, await ReadAsync(Theirs, hash)));
            var others = Enumerable.Range(0, 4).Select(async n =>
            {
                var blobs = Store.Get(n % 2 == 0 ? "a" : "c", "t1");
                await blobs.PutAsync(new MemoryStream(content), Token);
                await blobs.DeleteAsync(hash, Token);
            });
            await Task.WhenAll([.. readers, .. others]);

            Assert.Null(await Mine.OpenAsync(hash, Token));
            Assert.Equal("b", Assert.Single(await ListAsync()).Owner);
            await Mine.PutAsync(new MemoryStream(content), Token);
            Assert.Equal(content, await ReadAsync(Mine, hash));
            await Mine.DeleteAsync(hash, Token);
        }
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static async Task<byte[]> ReadAsync(IBlobs blobs, string sha256)
    {
        await using var stream = (await blobs.OpenAsync(sha256, Token))!;
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Token);
        return copy.ToArray();
    }

    private async Task<List<OwnedBlob>> ListAsync(string? owner = null, string? tenant = null) => await Store.ListAsync(owner, tenant, Token).ToListAsync(Token);

    /// <summary>Gives odd numbers of bytes, knows neither length nor position, and may fail or tell of its middle.</summary>
    private sealed class Trickle(byte[] content, Action? middle = null, int failAt = int.MaxValue) : Stream
    {
        private int _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            if (_at >= content.Length / 2)
                middle?.Invoke();
            cancellationToken.ThrowIfCancellationRequested();
            if (_at >= failAt)
                throw new InvalidOperationException("The source failed.");
            var count = Math.Min(Math.Min(buffer.Length, 77_777), content.Length - _at);
            content.AsMemory(_at, count).CopyTo(buffer);
            _at += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
