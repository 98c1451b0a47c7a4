using System.Text;

namespace Nexus.Data.Tests.Resources;

/// <summary>The pipeline on the real engines.</summary>
public sealed class EngineTests : IAsyncDisposable
{
    private readonly ShopFolder folder = new();

    public static TheoryData<string> Engines => ShopFolder.Engines;

    public ValueTask DisposeAsync() => folder.DisposeAsync();

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Records_are_created_changed_listed_and_removed(string engine)
    {
        var shop = await OpenAsync(engine);
        string first = await shop.NewAsync("A-1");
        string second = await shop.NewAsync("B-2");

        var patched = await shop.ChangeAsync(ChangeKind.Merge, first, """{"days":3,"sentAt":"2026-01-31T13:00:00+01:00"}""");
        var found = await shop.Operations.ListAsync(shop.Call(), new() { Filter = FilterJson.Parse("""{"sentAt":{"$lte":"2026-01-31T12:00:00Z"},"days":3}"""), Count = true }, default);
        var searched = await shop.Operations.ListAsync(shop.Call(), new() { Search = "B-2" }, default);
        var removed = await shop.ChangeAsync(ChangeKind.Delete, second, "");

        Assert.Equal(2, patched.Record!.Revision);
        Assert.Equal((first, 1L), (Assert.Single(found.Records).Id, found.Total));
        Assert.Equal(second, Assert.Single(searched.Records).Id);
        Assert.Null(removed.Error);
        Assert.Null(await shop.Operations.FindAsync(shop.Call(), second, default));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Money_is_compared_within_its_currency_and_sorted_by_currency_then_amount(string engine)
    {
        var shop = await OpenAsync(engine);
        foreach (var (number, fee) in new[] { ("A-1", "9.90 EUR"), ("A-2", "10.00 EUR"), ("A-3", "-3 EUR"), ("A-4", "10.05 USD"), ("A-5", "10.0 EUR"), ("A-6", "9999999999999999999999999.01 EUR"), ("A-7", "9999999999999999999999999.02 EUR") })
        {
            Assert.Null((await shop.CreateAsync($$$"""{"number":"{{{number}}}","total":1,"dueOn":"2026-01-31","fee":{"amount":"{{{fee.Split(' ')[0]}}}","currency":"{{{fee.Split(' ')[1]}}}"}}""")).Error);
        }

        await shop.NewAsync("A-8");
        async Task<string> Find(string filter, params SortKey[] sort)
        {
            var found = new List<string>();
            string? cursor = null;
            do
            {
                var page = await shop.Operations.ListAsync(shop.Call(), new() { Filter = FilterJson.Parse(filter), Sort = [.. sort, new("number")], Limit = 3, Cursor = cursor }, default);
                found.AddRange(page.Records.Select(r => Json.Of(r).GetProperty("number").GetString()![2..]));
                cursor = page.NextCursor;
            }
            while (cursor is not null);
            return string.Join(' ', found);
        }

        Assert.Equal("2 5 6 7", await Find("""{"fee":{"$gte":"10 EUR"}}"""));
        Assert.Equal("1 3", await Find("""{"fee":{"$lt":"10.00 EUR"}}"""));
        Assert.Equal("2 5", await Find("""{"fee":"10.000 EUR"}"""));
        Assert.Equal("7", await Find("""{"fee":{"$gt":"9999999999999999999999999.01 EUR"}}"""));
        Assert.Equal("4", await Find("""{"fee":{"$in":["10.05 USD","1 USD"]}}"""));
        Assert.Equal("1 3 4 6 7 8", await Find("""{"fee":{"$ne":"10 EUR"}}"""));
        Assert.Equal("2 4 5 6 7", await Find("""{"fee.amount":{"$gte":10}}"""));
        Assert.Equal("8", await Find("""{"fee":null}"""));
        Assert.Equal("8 3 1 2 5 6 7 4", await Find("{}", new SortKey("fee")));
        Assert.Equal("7 6 4 2 5 1 3 8", await Find("{}", new SortKey("fee.amount", Descending: true)));
        var refused = await Assert.ThrowsAsync<NexusException>(() => Find("""{"fee":{"$gt":"10"}}"""));
        Assert.Equal("`fee` is compared with an amount and its currency, such as `12.30 EUR`, by $eq, $ne, $gt, $gte, $lt, $lte, $in, not \"10\".", refused.Message);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Answers_to_idempotent_requests_are_no_documents(string engine)
    {
        var shop = await OpenAsync(engine);

        await shop.ChangeAsync(ChangeKind.Create, null, """{"number":"A-1","total":1,"dueOn":"2026-01-31"}""", key: "k");

        Assert.Empty((await folder.Set.Records.QueryAsync(new() { Tenant = CallContext.DefaultTenant, Table = IStorage.Documents }, default)).Records);
        Assert.Single((await folder.Set.Records.QueryAsync(new() { Tenant = CallContext.DefaultTenant, Table = IStorage.Answers }, default)).Records);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_taken_unique_value_names_its_field(string engine)
    {
        var shop = await OpenAsync(engine);
        await shop.NewAsync("A-1");

        var taken = await shop.CreateAsync("""{"number":"A-1","total":1,"dueOn":"2026-01-31"}""");

        Assert.Equal(ErrorCodes.UniqueViolation, taken.Error!.Code);
        Assert.Equal("/number unique", taken.Error.Errors.Select(e => $"{e.Pointer} {e.Code}").Single());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Concurrent_patches_lose_nothing(string engine)
    {
        var shop = await OpenAsync(engine);
        string id = await shop.NewAsync();

        var results = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => shop.ChangeAsync(ChangeKind.Merge, id, $$$"""{"rates":{"k{{{i}}}":{{{i}}}}}""")));

        Assert.All(results, r => Assert.Null(r.Error));
        Assert.Equal(33, (await shop.Operations.FindAsync(shop.Call(), id, default))!.Revision);
        Assert.Equal(32, Json.Of(await shop.Operations.FindAsync(shop.Call(), id, default)).GetProperty("rates").EnumerateObject().Count());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task An_atomic_batch_takes_nothing_when_its_last_item_is_taken(string engine)
    {
        var shop = await OpenAsync(engine);
        await shop.NewAsync("A-1");
        ResourceChange New(string number) => new() { Kind = ChangeKind.Create, Body = Encoding.UTF8.GetBytes($$"""{"number":"{{number}}","total":1,"dueOn":"2026-01-31"}""") };

        var results = await shop.Operations.ChangeAsync(shop.Call(), [New("B-1"), New("C-1"), New("A-1")], atomic: true, default);

        Assert.All(results, r => Assert.NotNull(r.Error));
        Assert.Equal(ErrorCodes.UniqueViolation, results[2].Error!.Code);
        Assert.Single((await shop.Operations.ListAsync(shop.Call(), new(), default)).Records);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task An_idempotency_key_replays_across_restarts_of_the_pipeline(string engine)
    {
        var shop = await OpenAsync(engine);
        const string body = """{"number":"A-1","total":1,"dueOn":"2026-01-31"}""";

        var first = await shop.ChangeAsync(ChangeKind.Create, null, body, key: "k");
        var again = await new Shop(Declare, storage: folder.Set.Records).ChangeAsync(ChangeKind.Create, null, body, key: "k");

        Assert.True(again.Replayed);
        Assert.Equal(first.Record!.Json.ToArray(), again.Record!.Json.ToArray());
    }

    private static void Declare(ResourceBuilder<Invoice> invoices)
    {
        Shop.Declare(invoices);
        invoices.Unique(i => i.Number);
    }

    private Task<Shop> OpenAsync(string engine) => folder.OpenAsync(engine, records => new Shop(Declare, storage: records));
}
