using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Nexus.Data.Tests.Resources;

/// <summary>Fields marked secret or personal, on the real engines.</summary>
public sealed class FieldSealingTests : IAsyncDisposable
{
    private const string Ann = """{"name":"Ann","email":"ann.hidden@example.org","phone":"555-0100-hidden","pin":"hidden-pin-77","salary":54321.99,"contacts":[{"kind":"home","value":"hidden street 9"}]}""";

    private static readonly string[] Hidden = ["ann.hidden@example.org", "555-0100-hidden", "hidden-pin-77", "54321.99", "hidden street 9", "hidden street"];

    private readonly ShopFolder folder = new();

    public static TheoryData<string> Engines => ShopFolder.Engines;

    public ValueTask DisposeAsync() => folder.DisposeAsync();

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_caller_sees_personal_fields_and_the_store_does_not(string engine)
    {
        var shop = await OpenAsync(engine);

        var made = await CreateAsync(shop, Ann);
        var read = await shop.Operations.FindAsync(shop.Call(resource: "people"), made.Id!, default);
        var patched = await shop.ChangeAsync(ChangeKind.Merge, made.Id, """{"name":"Anna"}""", resource: "people");
        var listed = await shop.Operations.ListAsync(shop.Call(resource: "people"), new(), default);

        Assert.Null(patched.Error);
        foreach (var record in new[] { made.Record, read, patched.Record, listed.Records.Single() })
        {
            Assert.Equal("ann.hidden@example.org 555-0100-hidden 54321.99 hidden street 9", Text(record));
            Assert.False(Json.Of(record).TryGetProperty("pin", out _));
        }

        string stored = Encoding.UTF8.GetString((await folder.Set.Records.FindAsync(new(CallContext.DefaultTenant, "shop.people", made.Id!), default))!.Json.Span);
        Assert.All(Hidden, text => Assert.DoesNotContain(text, stored, StringComparison.Ordinal));
        Assert.Contains("\"name\":\"Anna\"", stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_plain_text_is_in_any_file_of_the_store()
    {
        var shop = await OpenAsync("sqlite");
        var made = await shop.ChangeAsync(ChangeKind.Create, null, Ann, key: "k", resource: "people");
        await shop.ChangeAsync(ChangeKind.Merge, made.Id, """{"salary":54321.99,"contacts":[{"kind":"work","value":"hidden street 9"}]}""", resource: "people");
        await shop.Operations.ChangeAsync(shop.Call(resource: "people"), [.. new[] { "b", "c" }.Select(n => new ResourceChange { Kind = ChangeKind.Create, Body = Encoding.UTF8.GetBytes(Ann.Replace("ann.", n + "-ann.", StringComparison.Ordinal)) })], atomic: true, default);
        var replayed = await shop.ChangeAsync(ChangeKind.Create, null, Ann, key: "k", resource: "people");
        var events = (await folder.Set.Events.ReadAsync(new EventQuery(), default)).Events.Select(e => Encoding.UTF8.GetString(e.Message.Data.Span)).ToList();

        Assert.Equal((true, "ann.hidden@example.org 555-0100-hidden 54321.99 hidden street 9"), (replayed.Replayed, Text(replayed.Record)));
        Assert.Equal(4, events.Count);
        await AssertHiddenAsync(2);
        await folder.CloseAsync();
        await AssertHiddenAsync(1);

        async Task AssertHiddenAsync(int files)
        {
            var found = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f).StartsWith("nexus.db", StringComparison.Ordinal) && !f.EndsWith("-shm", StringComparison.Ordinal)).ToList();
            Assert.True(found.Count >= files, string.Join(' ', found));
            foreach (string file in found)
            {
                await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                var bytes = new byte[stream.Length];
                await stream.ReadExactlyAsync(bytes);
                Assert.All(Hidden, text => Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) < 0, $"{text} is in {file}"));
                if (file.EndsWith(".db", StringComparison.Ordinal) && files == 1)
                {
                    Assert.True(bytes.AsSpan().IndexOf("\"kind\":\"work\""u8) > 0);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_protected_field_is_found_by_equality_when_it_is_indexed_and_by_nothing_else(string engine)
    {
        var shop = await OpenAsync(engine);
        await CreateAsync(shop, Ann);
        await CreateAsync(shop, """{"name":"Bob","email":"bob@example.org"}""");

        Assert.Equal("Ann", await FindAsync("""{"email":"ann.hidden@example.org"}"""));
        Assert.Equal("Bob", await FindAsync("""{"email":{"$ne":"ann.hidden@example.org"}}"""));
        Assert.Equal("Ann Bob", await FindAsync("""{"email":{"$in":["ann.hidden@example.org","bob@example.org","c@example.org"]}}"""));
        Assert.Equal("Bob", await FindAsync("""{"$and":[{"phone":null},{"$not":{"email":"ann.hidden@example.org"}}]}"""));
        foreach (string filter in new[] { """{"email":{"$prefix":"ann"}}""", """{"email":{"$gt":"a"}}""", """{"phone":"555-0100-hidden"}""", """{"salary":{"$gt":1}}""" })
        {
            Assert.Equal(ErrorCodes.FilterInvalid, (await Assert.ThrowsAsync<NexusException>(() => FindAsync(filter))).Code);
        }

        Assert.Equal(ErrorCodes.FilterInvalid, (await Assert.ThrowsAsync<NexusException>(async () => await shop.Operations.ListAsync(shop.Call(resource: "people"), new() { Sort = [new("email")] }, default))).Code);
        Assert.Empty((await shop.Operations.ListAsync(shop.Call(resource: "people"), new() { Search = "555" }, default)).Records);
        Assert.Single((await shop.Operations.ListAsync(shop.Call(resource: "people"), new() { Search = "ann" }, default)).Records);
        var taken = await shop.ChangeAsync(ChangeKind.Create, null, """{"name":"Eve","email":"bob@example.org"}""", resource: "people");
        Assert.Equal((ErrorCodes.UniqueViolation, "/email"), (taken.Error!.Code, taken.Error.Errors.Single().Pointer));

        async Task<string> FindAsync(string filter) => string.Join(' ', (await shop.Operations.ListAsync(shop.Call(resource: "people"), new() { Filter = FilterJson.Parse(filter), Sort = [new("name")] }, default)).Records.Select(r => Json.Of(r).GetProperty("name").GetString()));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_cipher_text_that_is_moved_to_another_record_or_field_does_not_open(string engine)
    {
        var shop = await OpenAsync(engine);
        string from = (await CreateAsync(shop, Ann)).Id!, to = (await CreateAsync(shop, """{"name":"Bob","email":"bob@example.org","phone":"1"}""")).Id!;
        var source = (await folder.Set.Records.FindAsync(new(CallContext.DefaultTenant, "shop.people", from), default))!;
        string phone = JsonDocument.Parse(source.Json).RootElement.GetProperty("phone").GetRawText();

        foreach (var (id, field) in new[] { (to, "phone"), (from, "salary") })
        {
            var target = (await folder.Set.Records.FindAsync(new(CallContext.DefaultTenant, "shop.people", id), default))!;
            var moved = System.Text.Json.Nodes.JsonNode.Parse(target.Json.Span)!;
            moved[field] = System.Text.Json.Nodes.JsonNode.Parse(phone);
            await folder.Set.Records.CommitAsync(new() { Writes = [new() { Key = new(CallContext.DefaultTenant, "shop.people", id), Record = target with { Json = JsonSerializer.SerializeToUtf8Bytes(moved) } }] }, default);

            await Assert.ThrowsAnyAsync<CryptographicException>(async () => await shop.Operations.FindAsync(shop.Call(resource: "people"), id, default));
        }
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task What_was_stored_plain_is_read_and_sealed_by_its_next_write(string engine)
    {
        var shop = await OpenAsync(engine);
        var plain = new Shop(storage: folder.Set.Records);
        string id = (await CreateAsync(plain, Ann)).Id!;

        var read = await shop.Operations.FindAsync(shop.Call(resource: "people"), id, default);
        await shop.ChangeAsync(ChangeKind.Merge, id, """{"name":"Anna"}""", resource: "people");

        Assert.Equal("ann.hidden@example.org 555-0100-hidden 54321.99 hidden street 9", Text(read));
        string stored = Encoding.UTF8.GetString((await folder.Set.Records.FindAsync(new(CallContext.DefaultTenant, "shop.people", id), default))!.Json.Span);
        Assert.All(Hidden, text => Assert.DoesNotContain(text, stored, StringComparison.Ordinal));
        var refused = await Assert.ThrowsAsync<NexusException>(async () => await plain.Operations.FindAsync(plain.Call(resource: "people"), id, default));
        Assert.Contains("no keys", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<ChangeResult> CreateAsync(Shop shop, string body)
    {
        var result = await shop.ChangeAsync(ChangeKind.Create, null, body, resource: "people");
        Assert.Null(result.Error);
        return result;
    }

    private static string Text(StoredRecord? record)
    {
        var json = Json.Of(record);
        return $"{json.GetProperty("email").GetString()} {json.GetProperty("phone").GetString()} {json.GetProperty("salary").GetRawText()} {json.GetProperty("contacts")[0].GetProperty("value").GetString()}";
    }

    private Task<Shop> OpenAsync(string engine) => folder.OpenAsync(engine, records => new Shop(storage: records, protection: new FakeProtection()));
}
