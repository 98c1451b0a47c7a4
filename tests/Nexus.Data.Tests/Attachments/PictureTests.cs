using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Data.Attachments;
using Nexus.Data.Tests.Resources;

namespace Nexus.Data.Tests.Attachments;

/// <summary>Attached pictures on the real engines; what makes them small is a stand-in that says what it was asked for.</summary>
public sealed class PictureTests : IAsyncDisposable
{
    private const string Jpeg = "\u00ff\u00d8\u00ff\u00e0 a face";

    private readonly ShopFolder folder = new();
    private readonly Clock clock = new();
    private readonly Quota quota = new();
    private int made;
    private long record;

    public static TheoryData<string> Engines => ShopFolder.Engines;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => folder.DisposeAsync();

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_picture_is_made_once_in_each_width_and_kept_beside_its_original(string engine)
    {
        var shop = await OpenAsync(engine);
        var (id, file) = await AttachAsync(shop);

        string[] read = [await ReadAsync(shop, id, file, 320), await ReadAsync(shop, id, file, 320), await ReadAsync(shop, id, file, 80), await ReadAsync(shop, id, file, 320)];

        Assert.Equal([WebP(320), WebP(320), WebP(80), WebP(320)], read);
        Assert.Equal(2, made);
        Assert.Equal(3, (await HashesAsync()).Count);
        Assert.Equal(file, Assert.Single((await shop.Attachments.ListAsync(shop.Call(), [id], Token))[id]));
        Assert.Equal(["shop.invoices.created", "shop.invoices.attached"], (await folder.Set.Events.ReadAsync(new EventQuery(), Token)).Events.Select(e => e.Message.Name));
        Assert.Equal(1, (await shop.Operations.FindAsync(shop.Call(), id, Token))!.Revision);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Many_who_ask_at_once_have_it_made_once(string engine)
    {
        var shop = await OpenAsync(engine);
        var (id, file) = await AttachAsync(shop);

        var read = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => ReadAsync(shop, id, file, 640))));

        Assert.All(read, r => Assert.Equal(WebP(640), r));
        Assert.Equal(1, made);
    }

    [Fact]
    public async Task Two_are_made_at_once_and_whoever_waits_may_leave()
    {
        var (hold, begun) = (new TaskCompletionSource(), new SemaphoreSlim(0));
        var shop = await OpenAsync("memory", async (_, width, scaled, _) =>
        {
            begun.Release();
            await hold.Task;
            await scaled.WriteAsync(Bytes(WebP(width)), Token);
        });
        var (id, file) = await AttachAsync(shop);
        using var impatient = new CancellationTokenSource();

        var two = new[] { ReadAsync(shop, id, file, 80), ReadAsync(shop, id, file, 160) };
        Assert.True(await begun.WaitAsync(TimeSpan.FromMinutes(1), Token) && await begun.WaitAsync(TimeSpan.FromMinutes(1), Token), "two were not made at once");
        var waiting = shop.Attachments.OpenPictureAsync(shop.Call(), id, file.Id.ToString(), 320, impatient.Token).AsTask();
        var third = ReadAsync(shop, id, file, 640);
        await impatient.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, begun.CurrentCount);
        hold.SetResult();
        Assert.Equal([WebP(80), WebP(160), WebP(640)], await Task.WhenAll([.. two, third]));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Who_may_not_see_the_record_has_no_picture_made(string engine)
    {
        var shop = await OpenAsync(engine);
        var (id, file) = await AttachAsync(shop);
        shop.Authorization.Scopes["shop.invoices:read"] = AccessScope.Own;

        Assert.Null(await shop.Attachments.OpenPictureAsync(shop.Call(Shop.Bob), id, file.Id.ToString(), 320, Token));
        Assert.Equal(0, made);
        Assert.Equal(WebP(320), await ReadAsync(shop, id, file, 320));
        Assert.Null(await shop.Attachments.OpenPictureAsync(shop.Call(Shop.Bob), id, file.Id.ToString(), 320, Token));
        Assert.Null(await shop.Attachments.OpenPictureAsync(shop.Call(), id, Guid.CreateVersion7().ToString(), 320, Token));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(81)]
    [InlineData(2560)]
    public async Task Another_width_is_refused_and_told_which_there_are(int width)
    {
        var shop = await OpenAsync("memory");
        var (id, file) = await AttachAsync(shop);

        var refused = await RefusedAsync(shop, id, file, width);

        Assert.Equal(ErrorCodes.BadRequest, refused.Code);
        Assert.Contains("80, 160, 320, 640, 1280", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Pictures_go_with_their_attachment_and_come_back_with_it(string engine)
    {
        var shop = await OpenAsync(engine);
        var (id, file) = await AttachAsync(shop);
        await ReadAsync(shop, id, file, 80);
        await ReadAsync(shop, id, file, 160);

        await shop.ChangeAsync(ChangeKind.Delete, id, "");
        Assert.Null(await shop.Attachments.OpenPictureAsync(shop.Call(), id, file.Id.ToString(), 80, Token));
        Assert.Null((await shop.ChangeAsync(ChangeKind.Create, null, $$"""{"id":"{{id}}","number":"A-1","total":10.50,"dueOn":"2026-01-31","pin":"1234"}""")).Error);
        Assert.Equal(WebP(80), await ReadAsync(shop, id, file, 80));
        Assert.Equal(2, made);

        await shop.Attachments.RemoveAsync(shop.Call(), id, file.Id.ToString(), Token);
        Assert.Empty(await HashesAsync());
        Assert.Equal(record, quota.Stored);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task The_sweep_takes_the_pictures_of_deleted_records_too(string engine)
    {
        var shop = await OpenAsync(engine);
        var (id, file) = await AttachAsync(shop);
        await ReadAsync(shop, id, file, 80);
        await shop.ChangeAsync(ChangeKind.Delete, id, "");
        var sweep = new AttachmentSweep(() => folder.Set.Records, () => folder.Set.Blobs, () => new OnePlugin(shop.Plugin), clock, NullLogger<AttachmentSweep>.Instance);

        clock.Now += TimeSpan.FromDays(6);
        Assert.Equal(0, await sweep.RunAsync(Token));
        clock.Now += TimeSpan.FromDays(2);
        Assert.Equal(2, await sweep.RunAsync(Token));

        Assert.Empty(await HashesAsync());
        Assert.Equal(0, quota.Stored);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_picture_whose_attachment_is_removed_while_it_is_made_leaves_nothing(string engine)
    {
        Shop? shop = null;
        (string Id, Attachment File) attached = default!;
        shop = await OpenAsync(engine, async (_, width, scaled, _) =>
        {
            await shop!.Attachments.RemoveAsync(shop.Call(), attached.Id!, attached.File!.Id.ToString(), Token);
            await scaled.WriteAsync(Bytes(WebP(width)), Token);
        });
        attached = await AttachAsync(shop);

        Assert.Equal(WebP(80), await ReadAsync(shop, attached.Id, attached.File, 80));
        Assert.Null(await shop.Attachments.OpenPictureAsync(shop.Call(), attached.Id, attached.File.Id.ToString(), 80, Token));
        Assert.Empty(await HashesAsync());
        Assert.Equal(record, quota.Stored);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_picture_that_is_narrower_than_two_widths_is_kept_and_counted_once(string engine)
    {
        var shop = await OpenAsync(engine, async (_, _, scaled, _) => await scaled.WriteAsync(Bytes(WebP(70)), Token));
        var (id, file) = await AttachAsync(shop);

        Assert.Equal([WebP(70), WebP(70)], [await ReadAsync(shop, id, file, 80), await ReadAsync(shop, id, file, 160)]);

        Assert.Equal(2, (await HashesAsync()).Count);
        Assert.Equal(record + file.Size + WebP(70).Length, quota.Stored);
        await shop.Attachments.RemoveAsync(shop.Call(), id, file.Id.ToString(), Token);
        Assert.Empty(await HashesAsync());
        Assert.Equal(record, quota.Stored);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Without_room_in_the_quota_it_is_shown_and_not_kept(string engine)
    {
        var shop = await OpenAsync(engine);
        var (id, file) = await AttachAsync(shop);
        quota.Most = quota.Stored;

        Assert.Equal([WebP(80), WebP(80)], [await ReadAsync(shop, id, file, 80), await ReadAsync(shop, id, file, 80)]);
        Assert.Equal(2, made);
        Assert.Single(await HashesAsync());
        quota.Most = long.MaxValue;
        Assert.Equal([WebP(80), WebP(80)], [await ReadAsync(shop, id, file, 80), await ReadAsync(shop, id, file, 80)]);
        Assert.Equal(3, made);
    }

    [Theory]
    [InlineData("just a text that is long enough")]
    [InlineData("PK\u0003\u0004 a zip that is called .png")]
    [InlineData("")]
    [InlineData("\u00ff\u00d8")]
    [InlineData("RIFF\u0000\u0000\u0000\u0000WAVE")]
    [InlineData("<svg xmlns=\"http://www.w3.org/2000/svg\"/>")]
    public async Task What_does_not_begin_like_a_picture_is_never_given_to_the_library(string content)
    {
        var shop = await OpenAsync("memory");
        var (id, file) = await AttachAsync(shop, content);

        var refused = await RefusedAsync(shop, id, file, 80);

        Assert.Equal(ErrorCodes.PictureUnreadable, refused.Code);
        Assert.Contains("face.png", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, made);
    }

    [Fact]
    public async Task What_is_too_large_too_slow_or_does_not_become_a_picture_says_so()
    {
        var large = await OpenAsync("memory");
        var (id, file) = await AttachAsync(large, Jpeg + new string('x', (int)PictureScaler.MaxBytes));
        Assert.Contains("67,108,864", (await RefusedAsync(large, id, file, 80)).Message, StringComparison.Ordinal);
        Assert.Equal(0, made);

        var garbled = await OpenAsync("memory", async (_, _, scaled, _) => await scaled.WriteAsync("<script>"u8.ToArray(), Token));
        (id, file) = await AttachAsync(garbled);
        Assert.Equal(ErrorCodes.PictureUnreadable, (await RefusedAsync(garbled, id, file, 80)).Code);
        Assert.Single(await HashesAsync());

        var slow = await OpenAsync("memory", async (_, _, _, token) => await Task.Delay(Timeout.InfiniteTimeSpan, token));
        (id, file) = await AttachAsync(slow);
        clock.IsPast = true;
        var late = await RefusedAsync(slow, id, file, 80);
        Assert.Equal(ErrorCodes.PictureUnreadable, late.Code);
        Assert.Contains("20 seconds", late.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_whose_plugins_scale_none_says_how_to_have_the_original()
    {
        var shop = await OpenAsync("memory");
        var (id, file) = await AttachAsync(shop);
        shop.Plugins = new OnePlugin(shop.Plugin);

        var refused = await RefusedAsync(shop, id, file, 80);

        Assert.Equal(ErrorCodes.ServiceUnavailable, refused.Code);
        Assert.Contains("engines.pictures", refused.Message, StringComparison.Ordinal);
        Assert.Contains("without `width`", refused.Message, StringComparison.Ordinal);
    }

    private static string WebP(int width) => $"RIFF\0\0\0\0WEBP {width}";

    // A character a byte, so that a text may say what a file begins with.
    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private async Task<Shop> OpenAsync(string engine, PictureScaling? scale = null)
    {
        await folder.CloseAsync();
        var shop = await folder.OpenAsync(engine, records => new Shop(invoices => invoices.Attachments(r => r with { MaxBytes = 1 << 30 }), storage: records, time: clock, blobs: folder.Set.Blobs, quota: quota));
        shop.Plugins = new OnePlugin(shop.Plugin with { Pictures = new(scale ?? MakeAsync) });
        return shop;
    }

    private async ValueTask MakeAsync(Stream original, int width, Stream scaled, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref made);
        using var read = new MemoryStream();
        await original.CopyToAsync(read, cancellationToken);
        Assert.Equal(Bytes(Jpeg), read.ToArray());
        await scaled.WriteAsync(Bytes(WebP(width)), cancellationToken);
    }

    private async Task<(string Id, Attachment File)> AttachAsync(Shop shop, string content = Jpeg)
    {
        string id = await shop.NewAsync();
        record = quota.Stored;
        var added = await shop.Attachments.AddAsync(shop.Call(), id, new[] { new AttachmentUpload("face.png", "image/png", new MemoryStream(Bytes(content))) }.ToAsyncEnumerable(), Token);
        return (id, Assert.Single(added.Attachments));
    }

    private static async Task<string> ReadAsync(Shop shop, string id, Attachment file, int width)
    {
        await using var content = (await shop.Attachments.OpenPictureAsync(shop.Call(), id, file.Id.ToString(), width, Token))!.Content;
        return await new StreamReader(content, Encoding.Latin1).ReadToEndAsync(Token);
    }

    private static Task<NexusException> RefusedAsync(Shop shop, string id, Attachment file, int width) =>
        Assert.ThrowsAsync<NexusException>(() => shop.Attachments.OpenPictureAsync(shop.Call(), id, file.Id.ToString(), width, Token).AsTask());

    private async Task<List<string>> HashesAsync() => [.. (await folder.Set.Blobs.ListAsync("shop", cancellationToken: Token).ToListAsync(Token)).Select(b => b.Sha256)];

    /// <summary>A clock that can be set, and on which, if told so, every time limit is over at once.</summary>
    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

        public bool IsPast { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(callback, state, IsPast ? TimeSpan.Zero : dueTime, period);
    }

    private sealed class Quota : IPluginQuota
    {
        private long stored;

        public long Stored => stored;

        public long Most { get; set; } = long.MaxValue;

        public void Call()
        {
        }

        public void Store(long bytes)
        {
            if (bytes > 0 && stored + bytes > Most)
            {
                throw new NexusException(ErrorCodes.QuotaExceeded, "Full.");
            }

            Interlocked.Add(ref stored, bytes);
        }
    }
}
