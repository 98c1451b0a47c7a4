using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Conformance.Views;

/// <summary>What views of a plugin's own tables answer, whatever engine keeps them. Derive, and name the engine; each test gets a whole node.</summary>
public abstract class ViewConformance : IAsyncLifetime
{
    private const string Columns = "id, title, pages, price, price_currency, weight, rating, is_lent AS lent, published_on, bought_at, shelf, tags, owner, team";

    private static readonly string[] Rows =
    [
        "('a1','Alps',100,'12.30','EUR','1.50',4.5,1,'2020-01-31','2024-01-01T10:00:00Z','01980000-0000-7000-8000-000000000001','[\"x\"]','ann','red')",
        "('a2','alps',20,'9.99','USD','0.5',NULL,0,NULL,'2024-01-01T10:00:00.5Z','01980000-0000-7000-8000-000000000001',NULL,NULL,NULL)",
        "('b~1','Zürich',9007199254740993,'-0.01','EUR','1234567890123456789.5',-1,0,'1999-12-31','2024-01-01T12:30:00+02:00','01980000-0000-7000-8000-000000000002','[]','bob','red')",
        "('b2',NULL,NULL,NULL,NULL,NULL,1e300,1,'2020-02-01',NULL,NULL,NULL,'bob','blue')",
        "('c','😀',0,'100','EUR','1.5',0,0,'2020-02-01','1969-12-31T23:59:59.999999Z',NULL,NULL,'ann','blue')",
        "('d','\uffee',-5,'99.999','EUR','-2',0,1,'2020-02-01','2024-06-01T00:00:00Z',NULL,NULL,'cid',NULL)",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-views-").FullName;

    private PluginTestHost _host = null!;

    /// <summary>Chooses the storage.</summary>
    protected abstract void Configure(PluginTestOptions options);

    /// <summary>Starts the node.</summary>
    public virtual async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "0001_shelf.sql"), """
            CREATE TABLE shelf (id TEXT PRIMARY KEY, name TEXT NOT NULL);
            CREATE TABLE book (id TEXT PRIMARY KEY, title TEXT, pages BIGINT, price TEXT, price_currency TEXT, weight TEXT, rating DOUBLE PRECISION, is_lent INTEGER, published_on TEXT, bought_at TEXT, shelf TEXT, tags TEXT, owner TEXT, team TEXT);
            CREATE TABLE loan (book TEXT NOT NULL, number BIGINT NOT NULL, reader TEXT NOT NULL, PRIMARY KEY (book, number));
            """);
        _host = await StartAsync(Declare);
        await Database.WriteAsync(async (session, _) =>
        {
            await session.ExecuteAsync("INSERT INTO shelf VALUES ('01980000-0000-7000-8000-000000000001','North'), ('01980000-0000-7000-8000-000000000002','South')");
            await session.ExecuteAsync($"INSERT INTO book VALUES {string.Join(",", Rows)}");
            return await session.ExecuteAsync($"INSERT INTO loan VALUES {string.Join(",", Enumerable.Range(1, 12).Select(i => $"('{(i % 2 == 0 ? "a1" : "b2")}',{i},'r{i}')"))}");
        });
    }

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private ISqlDatabase Database => _host.Services.GetRequiredService<ISqlDatabases>().Get("library", CallContext.DefaultTenant);

    private static void Declare(IPluginBuilder plugin) => plugin
        .AddAuthentication("test", (_, _) => ValueTask.FromResult(Authentication.Accept(new SignedIn(new Caller("tess", "Tess", [], []), CallContext.DefaultTenant, "test"))), -1000)
        .UseAuthorization((context, _, _) => ValueTask.FromResult(new AccessDecision(context.Caller.Roles is [var role] && Enum.TryParse<AccessScope>(role, out var scope) ? scope : AccessScope.All, "The test decides.") { Records = context.Caller.Id == "guest" ? ["d"] : default }))
        .AddView<Shelf>("shelves", "SELECT id, name FROM shelf")
        .AddView<Book>("books", $"SELECT {Columns} FROM book -- every one of them", view => view.Owned().Describe("Books on shelves."))
        .AddView<Loan>("loans", "SELECT book, number, reader FROM loan", view => view.Key(l => l.Book, l => l.Number));

    private Task<PluginTestHost> StartAsync(Action<IPluginBuilder> declare) => PluginTestHost.StartAsync(options =>
    {
        options.Add(new PluginManifest { Name = "library", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Books.", Entry = "" }, () => new Written(plugin => declare(plugin.AddMigrations(_folder))));
        Configure(options);
    });

    [Theory]
    [InlineData("{}", "a1 a2 b2 b~1 c d")]
    [InlineData("""{"id":"b~1"}""", "b~1")]
    [InlineData("""{"id":{"$in":["a1","c","none"]}}""", "a1 c")]
    [InlineData("""{"title":"Alps"}""", "a1")]
    [InlineData("""{"title":null}""", "b2")]
    [InlineData("""{"title":{"$ne":"Alps"}}""", "a2 b2 b~1 c d")]
    [InlineData("""{"title":{"$prefix":"Z"}}""", "b~1")]
    [InlineData("""{"title":{"$gt":"Zürich"}}""", "a2 c d")]
    [InlineData("""{"title":{"$gt":"\uffee"}}""", "c")]
    [InlineData("""{"title":{"$in":["Alps",null]}}""", "a1 b2")]
    [InlineData("""{"title":"Alps'"}""", "")]
    [InlineData("""{"title":"Al\u0000ps"}""", "")]
    [InlineData("""{"title":{"$in":["Al\u0000ps","Alps"]}}""", "a1")]
    [InlineData("""{"title":{"$prefix":"Al\u0000"}}""", "")]
    [InlineData("""{"id":{"$in":["a\u0000","a2"]}}""", "a2")]
    [InlineData("""{"pages":{"$in":[1e400,20]}}""", "a2")]
    [InlineData("""{"pages":{"$lt":1e400}}""", "a1 a2 b~1 c d")]
    [InlineData("""{"weight":{"$ne":1e400}}""", "a1 a2 b2 b~1 c d")]
    [InlineData("""{"pages":{"$gte":9007199254740993}}""", "b~1")]
    [InlineData("""{"pages":{"$gt":9007199254740993}}""", "")]
    [InlineData("""{"pages":{"$lt":0.5}}""", "c d")]
    [InlineData("""{"pages":{"$in":[20,100]}}""", "a1 a2")]
    [InlineData("""{"$not":{"pages":{"$gt":0}}}""", "b2 c d")]
    [InlineData("""{"rating":{"$gte":4.5}}""", "a1 b2")]
    [InlineData("""{"weight":1.5}""", "a1 c")]
    [InlineData("""{"weight":{"$gt":1234567890123456789.4}}""", "b~1")]
    [InlineData("""{"weight":{"$in":[1.5,-2]}}""", "a1 c d")]
    [InlineData("""{"price":{"$gt":"9 EUR"}}""", "a1 c d")]
    [InlineData("""{"price.amount":{"$lt":"9.995"}}""", "a2 b~1")]
    [InlineData("""{"price.currency":"USD"}""", "a2")]
    [InlineData("""{"lent":true}""", "a1 b2 d")]
    [InlineData("""{"publishedOn":{"$gte":"2020-02-01"}}""", "b2 c d")]
    [InlineData("""{"boughtAt":"2024-01-01T11:00:00+01:00"}""", "a1")]
    [InlineData("""{"boughtAt":{"$gt":"2024-01-01T10:00:00Z"}}""", "a2 b~1 d")]
    [InlineData("""{"boughtAt":{"$lt":"1970-01-01T00:00:00Z"}}""", "c")]
    [InlineData("""{"shelf":"01980000-0000-7000-8000-000000000001"}""", "a1 a2")]
    [InlineData("""{"owner":"ann"}""", "a1 c")]
    [InlineData("""{"revision":1}""", "a1 a2 b2 b~1 c d")]
    [InlineData("""{"$or":[{"title":"Alps"},{"lent":false,"pages":0}]}""", "a1 c")]
    public async Task Filters_give_the_same_rows_on_every_engine(string filter, string expected)
    {
        var found = await ListAsync("books", $"filter={Uri.EscapeDataString(filter)}&limit=2&count=true&sort=id");

        Assert.Equal(expected, string.Join(' ', found.Ids));
        Assert.Equal(found.Ids.Count, found.Total);
    }

    [Theory]
    [InlineData("title", "b2 a1 b~1 a2 d c")]
    [InlineData("-title", "c d a2 b~1 a1 b2")]
    [InlineData("pages", "b2 d c a2 a1 b~1")]
    [InlineData("-pages,id", "b~1 a1 a2 c d b2")]
    [InlineData("rating", "a2 b~1 c d a1 b2")]
    [InlineData("weight", "b2 d a2 a1 c b~1")]
    [InlineData("-weight", "b~1 a1 c a2 d b2")]
    [InlineData("price", "b2 b~1 a1 d c a2")]
    [InlineData("boughtAt", "b2 c a1 a2 b~1 d")]
    [InlineData("lent,-publishedOn", "c b~1 a2 b2 d a1")]
    [InlineData("-id", "d c b~1 b2 a2 a1")]
    public async Task Orders_are_the_same_on_every_engine_and_pages_go_on_where_the_last_ended(string sort, string expected)
    {
        foreach (var limit in new[] { 1, 2, 4, 6 })
            Assert.Equal(expected, string.Join(' ', (await ListAsync("books", $"sort={sort}&limit={limit}")).Ids));
    }

    [Fact]
    public async Task A_record_has_the_values_of_its_row_in_the_forms_of_their_kinds()
    {
        var first = await GetAsync("books/a1");
        var empty = await GetAsync("books/b2");
        var precise = await GetAsync("books/b~1");

        Assert.Equal(
            """{"id":"a1","revision":1,"owner":"ann","team":"red","createdAt":"1970-01-01T00:00:00.000000Z","updatedAt":"1970-01-01T00:00:00.000000Z","title":"Alps","pages":100,"price":{"amount":"12.30","currency":"EUR"},"weight":1.50,"rating":4.5,"lent":true,"publishedOn":"2020-01-31","boughtAt":"2024-01-01T10:00:00.000000Z","shelf":"01980000-0000-7000-8000-000000000001","tags":["x"]}""",
            first.ToJsonString());
        Assert.All(new[] { "title", "pages", "price", "weight", "boughtAt", "shelf", "tags" }, f => Assert.Null(empty[f]));
        Assert.Equal(("9007199254740993", "1234567890123456789.5", "2024-01-01T10:30:00.000000Z"), (precise["pages"]!.ToJsonString(), precise["weight"]!.ToJsonString(), (string)precise["boughtAt"]!));
        Assert.Equal("2025-07-12T18:57:36.768000Z", (string)(await GetAsync("shelves/01980000-0000-7000-8000-000000000001"))["createdAt"]!);
    }

    [Fact]
    public async Task Rows_of_a_key_of_several_columns_are_found_filtered_and_paged_by_it()
    {
        var all = await ListAsync("loans", "limit=5&count=true");
        var some = await ListAsync("loans", "filter=" + Uri.EscapeDataString("""{"id":{"$in":["a1~2","b2~x","a\u0000~1","a1","a1~12"]}}"""));

        Assert.Equal(["a1~2", "a1~4", "a1~6", "a1~8", "a1~10", "a1~12"], all.Ids.Take(6));
        Assert.Equal((12, 12L), (all.Ids.Count, all.Total));
        Assert.Equal(["a1~2", "a1~12"], some.Ids);
        Assert.Equal("r4", (string)(await GetAsync("loans/a1~4"))["reader"]!);
        Assert.All(new[] { "a1", "a1~5", "a1~x", "x~~~1" }, id => Assert.Equal(404, StatusAsync(HttpMethod.Get, $"loans/{id}").Result));
        Assert.Equal("FILTER_INVALID", (string)(await GetAsync("loans?filter[id][$gt]=a1~4"))["code"]!);
    }

    [Fact]
    public async Task Nothing_changes_a_view_and_what_it_cannot_compare_is_refused_by_name()
    {
        Assert.Equal(405, await StatusAsync(HttpMethod.Post, "books"));
        Assert.All(new[] { HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete }, method => Assert.Equal(405, StatusAsync(method, "books/a1").Result));
        Assert.Contains("`tags`", (string)(await GetAsync("books?filter[tags]=null"))["detail"]!, StringComparison.Ordinal);
        Assert.Contains("`createdAt`", (string)(await GetAsync("books?sort=createdAt"))["detail"]!, StringComparison.Ordinal);
        var plugin = _host.Services.GetRequiredService<IPlugins>().Current.Find("library")!;
        var call = new ResourceCall(plugin, plugin.Resources.Single(r => r.Name == "books"), CallContext.System);
        var result = Assert.Single(await _host.Services.GetRequiredService<IResourceOperations>().ChangeAsync(call, [new() { Kind = ChangeKind.Delete, Id = "a1" }], atomic: true, TestContext.Current.CancellationToken));
        Assert.Equal("METHOD_NOT_ALLOWED", result.Error!.Code);
    }

    [Theory]
    [InlineData("ann", "Own", "a1 c", "")]
    [InlineData("ann", "Team", "a1 b~1 c", "")]
    [InlineData("guest", "Own", "d", "")]
    [InlineData("ann", "All", "a1 a2 b2 b~1 c d", "North South")]
    public async Task A_scope_is_a_part_of_the_query_and_rows_of_nobody_are_for_all_alone(string caller, string scope, string books, string shelves)
    {
        var plugin = _host.Services.GetRequiredService<IPlugins>().Current.Find("library")!;
        var context = new CallContext(new Caller(caller, caller, ["red"], [scope]), CallContext.DefaultTenant, "test");
        var operations = _host.Services.GetRequiredService<IResourceOperations>();
        ResourceCall Call(string view) => new(plugin, plugin.Resources.Single(r => r.Name == view), context);

        var found = await operations.ListAsync(Call("books"), new ResourceQuery { Count = true }, TestContext.Current.CancellationToken);
        var single = new List<string>();
        foreach (var id in new[] { "a1", "a2", "b2", "b~1", "c", "d" })
        {
            if (await operations.FindAsync(Call("books"), id, TestContext.Current.CancellationToken) is { } one)
                single.Add(one.Id);
        }

        Assert.Equal((books, books, (long?)books.Split(' ').Length), (string.Join(' ', found.Records.Select(r => r.Id)), string.Join(' ', single), found.Total));
        Assert.Equal(shelves, string.Join(' ', (await operations.ListAsync(Call("shelves"), new ResourceQuery(), TestContext.Current.CancellationToken)).Records.Select(r => (string)JsonNode.Parse(r.Json.Span)!["name"]!)));
    }

    [Fact]
    public async Task Every_surface_reads_a_view_and_none_changes_or_follows_it()
    {
        var paths = (await NodeAsync("/openapi.json"))["paths"]!;
        var resource = (await NodeAsync("/api/v1/resources?name=library.loans"))[0]!;
        var tools = (await NodeAsync("/api/v1/tools")).ToJsonString();
        var proto = await _host.Client.GetStringAsync("/grpc/protos/nexus/plugins/library.proto");
        using var follow = new HttpRequestMessage(HttpMethod.Get, "/live?resource=library.loans") { Headers = { { "Authorization", "Bearer tess" } } };
        using var live = await _host.Client.SendAsync(follow, HttpCompletionOption.ResponseHeadersRead);

        Assert.Equal("get", string.Join(' ', paths[$"{_host.Prefix}/loans"]!.AsObject().Select(o => o.Key)));
        Assert.Equal("get", string.Join(' ', paths[$"{_host.Prefix}/loans/{{id}}"]!.AsObject().Select(o => o.Key)));
        Assert.Null(paths[$"{_host.Prefix}/loans/batch"]);
        Assert.Equal((true, """{"read":"all"}"""), ((bool)resource["view"]!, resource["allowed"]!.ToJsonString()));
        Assert.Equal((2, 0), (Count(tools, "\"library_loans_list\"") + Count(tools, "\"library_loans_get\""), Count(tools, "library_loans_create") + Count(tools, "library_loans_update") + Count(tools, "library_loans_delete")));
        Assert.Equal((1, 1, 0), (Count(proto, "rpc Get(.nexus.plugins.library.GetLoanRequest)"), Count(proto, "rpc List(.nexus.plugins.library.ListLoansRequest)"), Count(proto, "rpc Create(") + Count(proto, "rpc Update(") + Count(proto, "rpc Delete(") + Count(proto, "rpc Watch(")));
        Assert.Equal(405, (int)live.StatusCode);
    }

    [Fact]
    public async Task A_page_read_again_has_a_new_tag_once_a_row_changed()
    {
        using var before = await _host.Client.GetAsync($"{_host.Prefix}/books/a1");
        await Database.WriteAsync((session, _) => session.ExecuteAsync("UPDATE book SET pages = 101 WHERE id = 'a1'"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{_host.Prefix}/books/a1") { Headers = { IfNoneMatch = { before.Headers.ETag! } } };

        using var after = await _host.Client.SendAsync(request);

        Assert.Equal(101, (int)JsonNode.Parse(await after.Content.ReadAsStringAsync())!["pages"]!);
    }

    [Fact]
    public async Task GraphQL_follows_references_both_ways_between_views()
    {
        using var answer = await _host.Client.PostAsJsonAsync("/graphql", new { query = """{ libraryShelves(first: 5, sort: [{field: name}]) { totalCount nodes { name booksByShelf(first: 10, sort: [{field: title}]) { id shelf { name } loansByBook(first: 20) { reader } } } } libraryBook(id: "a1") { price { amount } } __type(name: "Mutation") { fields { name } } }""" });
        var text = await answer.Content.ReadAsStringAsync();
        var data = JsonNode.Parse(text)!["data"] ?? throw new InvalidOperationException(text);

        Assert.Equal(
            """{"totalCount":2,"nodes":[{"name":"North","booksByShelf":[{"id":"a1","shelf":{"name":"North"},"loansByBook":[{"reader":"r2"},{"reader":"r4"},{"reader":"r6"},{"reader":"r8"},{"reader":"r10"},{"reader":"r12"}]},{"id":"a2","shelf":{"name":"North"},"loansByBook":[]}]},{"name":"South","booksByShelf":[{"id":"b~1","shelf":{"name":"South"},"loansByBook":[]}]}]}""",
            data["libraryShelves"]!.ToJsonString());
        Assert.Equal("12.30", (string)data["libraryBook"]!["price"]!["amount"]!);
        Assert.DoesNotContain(data["__type"]!["fields"]!.AsArray(), f => ((string)f!["name"]!).Contains("library", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("SELECT id FROM shelf", "name")]
    [InlineData("SELECT id, name FROM nowhere", "nowhere")]
    [InlineData("SELECT name FROM shelf", "id")]
    [InlineData("SELECT id, name FROM shelf", "owner")]
    public async Task A_view_whose_query_does_not_give_its_fields_is_refused_at_load(string sql, string named)
    {
        var refused = await Assert.ThrowsAsync<NexusException>(() => StartAsync(plugin => plugin.AddView<Shelf>("shelves", sql, view => view.Owned())));

        Assert.Contains("View shelves of plugin library", refused.Message, StringComparison.Ordinal);
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    private async Task<(List<string> Ids, long? Total)> ListAsync(string view, string query)
    {
        var (ids, total) = (new List<string>(), (long?)null);
        for (string? address = $"{_host.Prefix}/{view}?{query}"; address is not null;)
        {
            using var answer = await _host.Client.GetAsync(address);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.IsSuccessStatusCode, text);
            ids.AddRange(JsonNode.Parse(text)!.AsArray().Select(r => (string)r!["id"]!));
            total ??= answer.Headers.TryGetValues("X-Total-Count", out var told) ? long.Parse(told.Single(), System.Globalization.CultureInfo.InvariantCulture) : null;
            address = answer.Headers.TryGetValues("Link", out var links) && links.Single() is var link && link.Contains("rel=\"next\"", StringComparison.Ordinal) ? link[1..link.IndexOf('>', StringComparison.Ordinal)] : null;
        }

        return (ids, total);
    }

    private async Task<JsonNode> GetAsync(string path)
    {
        using var answer = await _host.Client.GetAsync($"{_host.Prefix}/{path}");
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }

    private async Task<JsonNode> NodeAsync(string path) => JsonNode.Parse(await _host.Client.GetStringAsync(path))!;

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private async Task<int> StatusAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, $"{_host.Prefix}/{path}") { Content = method == HttpMethod.Get ? null : JsonContent.Create(new { }) };
        using var answer = await _host.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }

    private sealed class Written(Action<IPluginBuilder> declare) : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => declare(plugin);
    }

    private sealed record Shelf(string Name) : Resource;

    private sealed record Book(string? Title, long? Pages, Money? Price, decimal? Weight, double? Rating, bool Lent, DateOnly? PublishedOn, DateTimeOffset? BoughtAt, Ref<Shelf>? Shelf, IReadOnlyList<string>? Tags) : Resource;

    private sealed record Loan(Ref<Book> Book, int Number, string Reader) : Resource;
}
