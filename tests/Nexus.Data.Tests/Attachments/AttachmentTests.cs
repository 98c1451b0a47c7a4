using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Data.Attachments;
using Nexus.Data.Tests.Resources;

namespace Nexus.Data.Tests.Attachments;

/// <summary>Attachments on the real engines.</summary>
public sealed class AttachmentTests : IAsyncDisposable
{
    private static readonly AttachmentRules Rules = new() { MaxBytes = 1000, MaxCount = 3, Types = ["text/plain", "image/*"] };

    private readonly ShopFolder folder = new();
    private readonly FakeClock clock = new(new DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero));

    public static TheoryData<string> Engines => ShopFolder.Engines;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => folder.DisposeAsync();

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Files_are_attached_listed_read_and_removed_with_event_and_audit_line(string engine)
    {
        var shop = await OpenAsync(engine);
        shop.Trail.IsKept = true;
        string id = await shop.NewAsync();

        var added = await AddAsync(shop, id, [("Übersicht \"1\".txt", "TEXT/plain; charset=utf-8", "one"), ("two.png", null, "two")]);
        var listed = await ListAsync(shop, id);
        await using var opened = (await shop.Attachments.OpenAsync(shop.Call(), id, added[0].Id.ToString(), Token))!.Content;
        await shop.Attachments.RemoveAsync(shop.Call(), id, added[0].Id.ToString(), Token);

        Assert.Equal([("Übersicht \"1\".txt", "text/plain", 3L, "ann"), ("two.png", "image/png", 3L, "ann")], added.Select(a => (a.Name, a.ContentType, a.Size, a.CreatedBy)));
        Assert.Equal(added, listed);
        Assert.Equal(Hash("one"), added[0].Sha256);
        Assert.Equal("one", await new StreamReader(opened).ReadToEndAsync(Token));
        Assert.Equal("two.png", Assert.Single(await ListAsync(shop, id)).Name);
        Assert.Null(await shop.Attachments.OpenAsync(shop.Call(), id, added[0].Id.ToString(), Token));
        string[] told = ["shop.invoices.created", "shop.invoices.attached", "shop.invoices.attached", "shop.invoices.detached"];
        Assert.Equal(told, (await folder.Set.Events.ReadAsync(new EventQuery(), Token)).Events.Select(e => e.Message.Name));
        Assert.Equal(told, (await folder.Set.Audit.ReadAsync(0, 10, Token)).Select(e => AuditEncoding.Decode(e.Encoded).Action));
        Assert.Equal(1, (await shop.Operations.FindAsync(shop.Call(), id, Token))!.Revision);
        Assert.Equal([Hash("two")], await HashesAsync());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Content_that_two_attachments_share_stays_for_the_other_one(string engine)
    {
        var shop = await OpenAsync(engine);
        string id = await shop.NewAsync("A-1");
        string other = await shop.NewAsync("B-1");
        var added = await AddAsync(shop, id, [("a.txt", null, "same"), ("b.txt", null, "same")]);
        var elsewhere = await AddAsync(shop, other, [("c.txt", null, "same")]);
        await folder.Set.Blobs.Get("shop", CallContext.DefaultTenant).PutAsync(new MemoryStream("same"u8.ToArray()), Token);

        await folder.Set.Blobs.Get("shop", CallContext.DefaultTenant).DeleteAsync(Hash("same"), Token);
        await shop.Attachments.RemoveAsync(shop.Call(), id, added[0].Id.ToString(), Token);

        Assert.Equal("same", await ReadAsync(shop, id, added[1]));
        await shop.Attachments.RemoveAsync(shop.Call(), id, added[1].Id.ToString(), Token);
        Assert.Equal("same", await ReadAsync(shop, other, elsewhere[0]));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task What_is_too_large_too_many_of_another_type_or_badly_named_leaves_nothing(string engine)
    {
        var shop = await OpenAsync(engine);
        string id = await shop.NewAsync();
        await AddAsync(shop, id, [("a.txt", null, new string('x', 1000)), ("b.txt", null, "")]);

        Assert.Equal(ErrorCodes.PayloadTooLarge, await RefusedAsync(shop, id, [("c.txt", null, new string('x', 1001))]));
        Assert.Equal(ErrorCodes.UnsupportedMediaType, await RefusedAsync(shop, id, [("c.txt", "application/pdf", "x")]));
        Assert.Equal(ErrorCodes.UnsupportedMediaType, await RefusedAsync(shop, id, [("c.txt", "text", "x")]));
        Assert.Equal(ErrorCodes.ValidationError, await RefusedAsync(shop, id, [("c.txt", null, "x"), ("d.txt", null, "x")]));
        Assert.Equal(ErrorCodes.ValidationError, await RefusedAsync(shop, id, []));
        foreach (string name in new[] { "", " ", "a/b.txt", "..\\b.txt", "..", "a\nb.txt", "a\u202Etxt.exe", new string('n', 256), "\ud83d.txt" })
        {
            Assert.Equal(ErrorCodes.ValidationError, await RefusedAsync(shop, id, [(name, "text/plain", "x")]));
        }

        Assert.Equal(2, (await ListAsync(shop, id)).Length);
        Assert.Equal(2, (await HashesAsync()).Count);
        await AddAsync(shop, id, [(new string('ü', 251) + ".txt", null, "😀")]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Who_may_not_see_the_record_sees_no_attachment_and_who_may_only_read_changes_none(string engine)
    {
        var shop = await OpenAsync(engine);
        string id = await shop.NewAsync();
        var file = (await AddAsync(shop, id, [("a.txt", null, "a")]))[0];
        shop.Authorization.Scopes["shop.invoices:read"] = AccessScope.Own;
        shop.Authorization.Scopes["shop.invoices:update"] = AccessScope.Own;

        Assert.Equal(ErrorCodes.ResourceNotFound, await RefusedAsync(shop, id, [("b.txt", null, "b")], Shop.Bob));
        Assert.Equal(ErrorCodes.ResourceNotFound, await RemovalAsync(shop, id, file, Shop.Bob));
        Assert.Null(await shop.Attachments.OpenAsync(shop.Call(Shop.Bob), id, file.Id.ToString(), Token));
        Assert.Empty(await shop.Attachments.ListAsync(shop.Call(Shop.Bob), [id], Token));
        Assert.Empty(await shop.Attachments.ListAsync(shop.Call(Shop.Bob), [id, Guid.CreateVersion7().ToString()], Token));
        shop.Authorization.Scopes["shop.invoices:read"] = AccessScope.Team;
        Assert.Equal("a", await ReadAsync(shop, id, file, Shop.Bob));
        Assert.Single((await shop.Attachments.ListAsync(shop.Call(Shop.Bob), [id, Guid.CreateVersion7().ToString()], Token))[id]);
        Assert.Equal(ErrorCodes.PermissionDenied, await RefusedAsync(shop, id, [("b.txt", null, "b")], Shop.Bob));
        Assert.Equal(ErrorCodes.PermissionDenied, await RemovalAsync(shop, id, file, Shop.Bob));
        Assert.Null(await shop.Attachments.OpenAsync(shop.Call(Shop.Cid), id, file.Id.ToString(), Token));
        Assert.Single(await ListAsync(shop, id));
        Assert.Single(await HashesAsync());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_record_that_is_made_again_has_its_attachments_back_for_who_could_see_it(string engine)
    {
        var shop = await OpenAsync(engine);
        string id = await shop.NewAsync();
        var file = (await AddAsync(shop, id, [("a.txt", null, "a")]))[0];
        await shop.ChangeAsync(ChangeKind.Delete, id, "");
        Assert.Empty(await shop.Attachments.ListAsync(shop.Call(), [id], Token));

        await AgainAsync(shop, id, Shop.Ann);
        Assert.Equal("a", await ReadAsync(shop, id, file));

        shop.Authorization.Scopes["shop.invoices:read"] = AccessScope.Own;
        await shop.ChangeAsync(ChangeKind.Delete, id, "");
        await AgainAsync(shop, id, Shop.Bob);
        Assert.Empty(await ListAsync(shop, id, Shop.Bob));
        await AddAsync(shop, id, [("b.txt", null, "b")], Shop.Bob);
        Assert.Equal("b.txt", Assert.Single(await ListAsync(shop, id, Shop.Bob)).Name);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task The_sweep_removes_what_nothing_names_any_more_and_nothing_else(string engine)
    {
        var shop = await OpenAsync(engine);
        string kept = await shop.NewAsync("A-1");
        string gone = await shop.NewAsync("B-1");
        var file = (await AddAsync(shop, kept, [("a.txt", null, "kept")]))[0];
        await AddAsync(shop, gone, [("a.txt", null, "gone 1"), ("b.txt", null, "gone 2")]);
        await folder.Set.Blobs.Get("shop", CallContext.DefaultTenant).PutAsync(new MemoryStream("the plugin's own"u8.ToArray()), Token);
        await folder.Set.Blobs.Get(AttachmentRow.OwnerOf(shop.Call().Resource, kept, Guid.CreateVersion7(clock.Now)), CallContext.DefaultTenant).PutAsync(new MemoryStream("cut off"u8.ToArray()), Token);
        await shop.ChangeAsync(ChangeKind.Delete, gone, "");
        var sweep = new AttachmentSweep(() => folder.Set.Records, () => folder.Set.Blobs, () => new OnePlugin(shop.Plugin), clock, NullLogger<AttachmentSweep>.Instance);

        Assert.Equal(0, await sweep.RunAsync(Token));
        clock.Now += TimeSpan.FromDays(2);
        Assert.Equal(1, await sweep.RunAsync(Token));
        clock.Now += TimeSpan.FromDays(6);
        Assert.Equal(2, await sweep.RunAsync(Token));

        Assert.Equal("kept", await ReadAsync(shop, kept, file));
        Assert.Equal(new[] { Hash("kept"), Hash("the plugin's own") }.Order(), await HashesAsync());
        await AgainAsync(shop, gone, Shop.Ann);
        Assert.Empty(await ListAsync(shop, gone));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Many_who_attach_at_once_lose_nothing_and_never_exceed_the_number(string engine)
    {
        var shop = await OpenAsync(engine, Rules with { MaxCount = 20 });
        string id = await shop.NewAsync();

        var codes = await Task.WhenAll(Enumerable.Range(0, 25).Select(n => RefusedOrNullAsync(shop, id, [($"{n}.txt", null, $"{n}")], Shop.Ann)));

        Assert.Equal(5, codes.Count(c => c == ErrorCodes.ValidationError));
        Assert.Equal(20, codes.Count(c => c is null));
        Assert.Equal(20, (await ListAsync(shop, id)).DistinctBy(a => a.Name).Count());
        Assert.Equal(20, (await HashesAsync()).Count);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_file_that_is_attached_while_its_record_is_deleted_is_refused_and_leaves_nothing(string engine)
    {
        Interrupted? storage = null;
        var shop = await folder.OpenAsync(engine, records => new Shop(invoices => invoices.Attachments(_ => Rules), storage: storage = new Interrupted(records), time: clock, blobs: folder.Set.Blobs));
        string first = await shop.NewAsync("A-1");
        string second = await shop.NewAsync("B-1");
        await AddAsync(shop, second, [("a.txt", null, "a")]);

        foreach (string id in new[] { first, second })
        {
            // Between the last look at the record and the commit.
            storage!.Before = async () => Assert.Null((await shop.ChangeAsync(ChangeKind.Delete, id, "")).Error);
            Assert.Equal(ErrorCodes.ResourceNotFound, await RefusedAsync(shop, id, [("b.txt", null, "b")]));
            Assert.Null(storage.Before);
            await AgainAsync(shop, id, Shop.Ann);
        }

        Assert.Empty(await ListAsync(shop, first));
        Assert.Equal("a.txt", Assert.Single(await ListAsync(shop, second)).Name);
        Assert.Equal([Hash("a")], await HashesAsync());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task An_idempotency_key_attaches_once_and_refuses_another_file(string engine)
    {
        var shop = await OpenAsync(engine);
        string id = await shop.NewAsync();
        var call = shop.Call() with { Idempotency = new("k", "") };

        var first = await shop.Attachments.AddAsync(call, id, Files([("a.txt", null, "a")]), Token);
        var again = await shop.Attachments.AddAsync(call, id, Files([("a.txt", null, "a")]), Token);
        var other = await Assert.ThrowsAsync<NexusException>(() => shop.Attachments.AddAsync(call, id, Files([("a.txt", null, "b")]), Token).AsTask());

        Assert.False(first.Replayed);
        Assert.True(again.Replayed);
        Assert.Equal(first.Attachments, again.Attachments);
        Assert.Equal(ErrorCodes.IdempotencyConflict, other.Code);
        Assert.Equal([Hash("a")], await HashesAsync());
    }

    [Fact]
    public async Task A_resource_without_attachments_has_no_such_route_and_reads_nothing_of_them()
    {
        var shop = await OpenAsync("memory");
        string id = (await shop.ChangeAsync(ChangeKind.Create, null, """{"name":"Ann"}""", resource: "customers")).Id!;

        var refused = await Assert.ThrowsAsync<NexusException>(() => shop.Attachments.ListAsync(shop.Call(resource: "customers"), [id], Token).AsTask());

        Assert.Equal(ErrorCodes.RouteNotFound, refused.Code);
    }

    [Theory]
    [InlineData(0, 1, "image/*", "MaxBytes")]
    [InlineData(1L << 31, 1, "image/*", "MaxBytes")]
    [InlineData(1, 1001, "image/*", "MaxCount")]
    [InlineData(1, 1, "*/*", "media type")]
    [InlineData(1, 1, "png", "media type")]
    public void Limits_out_of_range_are_refused_at_the_declaration(long bytes, int count, string type, string told)
    {
        var refused = Assert.Throws<NexusException>(() => new Shop(invoices => invoices.Attachments(r => r with { MaxBytes = bytes, MaxCount = count, Types = [type] })));

        Assert.Equal(ErrorCodes.PluginLoadFailed, refused.Code);
        Assert.Contains(told, refused.Message, StringComparison.Ordinal);
    }

    private Task<Shop> OpenAsync(string engine, AttachmentRules? rules = null) =>
        folder.OpenAsync(engine, records => new Shop(invoices => invoices.Attachments(_ => rules ?? Rules), storage: records, time: clock, blobs: folder.Set.Blobs));

    private static async IAsyncEnumerable<AttachmentUpload> Files((string Name, string? Type, string Content)[] files)
    {
        foreach (var (name, type, content) in files)
        {
            await Task.Yield();
            yield return new(name, type, new MemoryStream(Encoding.UTF8.GetBytes(content)));
        }
    }

    private static async Task<ImmutableArray<Attachment>> AddAsync(Shop shop, string id, (string Name, string? Type, string Content)[] files, Caller? caller = null) =>
        (await shop.Attachments.AddAsync(shop.Call(caller), id, Files(files), Token)).Attachments;

    private static async Task<string> RefusedAsync(Shop shop, string id, (string Name, string? Type, string Content)[] files, Caller? caller = null) =>
        await RefusedOrNullAsync(shop, id, files, caller ?? Shop.Ann) ?? "nothing was refused";

    private static async Task<string?> RefusedOrNullAsync(Shop shop, string id, (string Name, string? Type, string Content)[] files, Caller caller)
    {
        try
        {
            await AddAsync(shop, id, files, caller);
            return null;
        }
        catch (NexusException e)
        {
            return e.Code;
        }
    }

    private static async Task<string> RemovalAsync(Shop shop, string id, Attachment file, Caller caller) =>
        (await Assert.ThrowsAsync<NexusException>(() => shop.Attachments.RemoveAsync(shop.Call(caller), id, file.Id.ToString(), Token).AsTask())).Code;

    private static async Task AgainAsync(Shop shop, string id, Caller caller) =>
        Assert.Null((await shop.ChangeAsync(ChangeKind.Create, id, $$"""{"id":"{{id}}","number":"Z-1","total":1,"dueOn":"2026-01-31"}""", caller)).Error);

    private static async Task<ImmutableArray<Attachment>> ListAsync(Shop shop, string id, Caller? caller = null) => (await shop.Attachments.ListAsync(shop.Call(caller), [id], Token))[id];

    private static async Task<string> ReadAsync(Shop shop, string id, Attachment file, Caller? caller = null)
    {
        await using var content = (await shop.Attachments.OpenAsync(shop.Call(caller), id, file.Id.ToString(), Token))!.Content;
        return await new StreamReader(content).ReadToEndAsync(Token);
    }

    private async Task<List<string>> HashesAsync() =>
        [.. (await folder.Set.Blobs.ListAsync("shop", cancellationToken: Token).ToListAsync(Token)).Select(b => b.Sha256).Order()];

    private static string Hash(string content) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    /// <summary>Lets something happen right before the first commit of an attachment.</summary>
    private sealed class Interrupted(IStorage inner) : IStorage
    {
        public Func<Task>? Before { get; set; }

        public async ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
        {
            if (Before is { } before && batch.Writes.Any(w => w.Key.Table == "shop.invoices_attachments"))
            {
                Before = null;
                await before();
            }

            return await inner.CommitAsync(batch, cancellationToken);
        }

        public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => inner.FindAsync(key, cancellationToken);

        public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => inner.QueryAsync(query, cancellationToken);
    }
}
