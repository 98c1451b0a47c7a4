using System.Collections.Immutable;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Caching;

/// <summary>Answers that the gateway caches, on the real kernel, storage and gateway.</summary>
public sealed class CachedAnswerTests : IAsyncDisposable
{
    private readonly Shop shop = new();
    private PluginTestHost? host;

    [Fact]
    public async Task The_second_identical_get_is_a_hit_and_does_not_reach_the_handler()
    {
        await StartAsync();

        var first = await GetAsync("/api/custom/shop/prices?of=1");
        var second = await GetAsync("/api/custom/shop/prices?of=1");
        var other = await GetAsync("/api/custom/shop/prices?of=2");

        Assert.Equal(("MISS", "HIT", "MISS"), (first.Cache, second.Cache, other.Cache));
        Assert.Equal((first.Text, "call 1"), (second.Text, second.Text));
        Assert.Equal("text/plain; charset=utf-8", second.Header("Content-Type"));
        Assert.Equal(2, shop.Calls);
    }

    [Fact]
    public async Task A_caller_who_has_the_answer_is_told_304_until_it_changes()
    {
        await StartAsync();
        var first = await GetAsync("/api/custom/shop/prices");

        var again = await GetAsync("/api/custom/shop/prices", ifNoneMatch: first.Header("ETag"));
        await shop.Cache!.RemoveAsync(CacheSelection.Tagged("prices"), TestContext.Current.CancellationToken);
        var changed = await GetAsync("/api/custom/shop/prices", ifNoneMatch: first.Header("ETag"));

        Assert.Equal((304, ""), (again.Status, again.Text));
        Assert.Equal((200, "call 2", "MISS"), (changed.Status, changed.Text, changed.Cache));
    }

    [Fact]
    public async Task Headers_tell_browsers_and_edges_what_they_may_do()
    {
        await StartAsync();

        var mine = await GetAsync("/api/custom/shop/prices");
        var everyones = await GetAsync("/api/custom/shop/public");
        var hit = await GetAsync("/api/custom/shop/public");

        Assert.Equal("private, no-cache", mine.Header("Cache-Control"));
        Assert.Contains("Authorization", mine.Header("Vary"), StringComparison.Ordinal);
        Assert.Equal("public, max-age=0, s-maxage=60", everyones.Header("Cache-Control"));
        Assert.Equal("Accept, Accept-Language, X-Colour", everyones.Header("Vary").Replace("Accept-Encoding, ", "", StringComparison.Ordinal));
        Assert.Equal("resource:shop.orders,shop/prices,shop/plugin:shop", everyones.Header("Cache-Tag"));
        Assert.Equal("0", hit.Header("Age"));
    }

    [Fact]
    public async Task A_write_to_the_resource_removes_its_lists_and_records_and_what_is_tagged_with_it()
    {
        await StartAsync();
        var created = await SendAsync(HttpMethod.Post, "/api/custom/shop/orders", """{"number":"1"}""");
        var path = $"/api/custom/shop/orders/{(string)JsonNode.Parse(created.Text)!["id"]!}";
        await GetAsync("/api/custom/shop/orders");
        await GetAsync("/api/custom/shop/public");
        await GetAsync(path);
        Assert.Equal(("HIT", "HIT", "HIT"), ((await GetAsync("/api/custom/shop/orders")).Cache, (await GetAsync(path)).Cache, (await GetAsync("/api/custom/shop/public")).Cache));

        await SendAsync(HttpMethod.Patch, path, """{"number":"2"}""");
        var (list, one, tagged) = (await GetAsync("/api/custom/shop/orders"), await GetAsync(path), await GetAsync("/api/custom/shop/public"));

        Assert.Equal(("MISS", "MISS", "MISS"), (list.Cache, one.Cache, tagged.Cache));
        Assert.Contains("\"number\":\"2\"", list.Text, StringComparison.Ordinal);
        Assert.Equal("\"2\"", one.Header("ETag"));
    }

    [Fact]
    public async Task Callers_with_different_scopes_never_share_an_answer()
    {
        await StartAsync(withPolicy: true);
        await SendAsync(HttpMethod.Post, "/api/custom/shop/orders", """{"number":"ada's"}""", "ada own");
        await SendAsync(HttpMethod.Post, "/api/custom/shop/orders", """{"number":"bob's"}""", "bob own");

        var ada = await GetAsync("/api/custom/shop/orders", caller: "ada own");
        var bob = await GetAsync("/api/custom/shop/orders", caller: "bob own");
        var chief = await GetAsync("/api/custom/shop/orders", caller: "chief all");
        var deputy = await GetAsync("/api/custom/shop/orders", caller: "deputy all");
        var demoted = await GetAsync("/api/custom/shop/orders", caller: "chief own");
        var refused = await GetAsync("/api/custom/shop/orders", caller: "eve none");

        Assert.Equal((1, 1, 2, 2, 0), (Count(ada), Count(bob), Count(chief), Count(deputy), Count(demoted)));
        Assert.Equal(("MISS", "MISS", "MISS", "HIT", "MISS"), (ada.Cache, bob.Cache, chief.Cache, deputy.Cache, demoted.Cache));
        Assert.Equal(("HIT", 1), ((await GetAsync("/api/custom/shop/orders", caller: "ada own")).Cache, Count(ada)));
        Assert.Equal(403, refused.Status);

        static int Count(Answer answer) => JsonNode.Parse(answer.Text)!.AsArray().Count;
    }

    [Fact]
    public async Task A_route_is_cached_for_each_caller_apart_unless_it_says_otherwise()
    {
        await StartAsync(withPolicy: true);

        var ada = await GetAsync("/api/custom/shop/prices", caller: "ada all");
        var bob = await GetAsync("/api/custom/shop/prices", caller: "bob all");
        await GetAsync("/api/custom/shop/public", caller: "ada all");
        var shared = await GetAsync("/api/custom/shop/public", caller: "bob own");

        Assert.Equal(("MISS", "MISS", "HIT"), (ada.Cache, bob.Cache, shared.Cache));
    }

    [Fact]
    public async Task What_the_answer_varies_by_is_part_of_its_address()
    {
        await StartAsync();

        var red = await GetAsync("/api/custom/shop/public", colour: "red");
        var blue = await GetAsync("/api/custom/shop/public", colour: "blue");
        var redAgain = await GetAsync("/api/custom/shop/public", colour: "red");

        Assert.Equal(("MISS", "MISS", "HIT"), (red.Cache, blue.Cache, redAgain.Cache));
        Assert.Equal(red.Text, redAgain.Text);
    }

    [Theory]
    [InlineData("cookie")]
    [InlineData("no-store")]
    [InlineData("missing")]
    [InlineData("created")]
    public async Task What_must_not_be_kept_is_sent_as_it_is_each_time(string kind)
    {
        await StartAsync();

        var first = await GetAsync($"/api/custom/shop/odd?kind={kind}");
        var second = await GetAsync($"/api/custom/shop/odd?kind={kind}");

        Assert.Equal((2, "", ""), (shop.Calls, first.Cache, second.Cache));
        Assert.Equal(first.Status, second.Status);
        Assert.Equal($"{kind} 2", second.Text);
    }

    [Fact]
    public async Task An_error_of_the_handler_is_covered_by_the_stale_answer_and_told_without_one()
    {
        var clock = new FakeClock(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await StartAsync(configure: options => options.Clock = clock);
        await GetAsync("/api/custom/shop/prices");
        clock.Advance(TimeSpan.FromSeconds(90));
        shop.Fails = true;

        var stale = await GetAsync("/api/custom/shop/prices");
        var none = await GetAsync("/api/custom/shop/prices?of=new");

        Assert.Equal((200, "call 1", "STALE"), (stale.Status, stale.Text, stale.Cache));
        Assert.Equal("", stale.Header("X-Broken"));
        Assert.Equal((500, "broken"), (none.Status, none.Text));
    }

    [Fact]
    public async Task A_hundred_requests_that_miss_at_once_run_the_handler_once()
    {
        await StartAsync();
        shop.Gate = new TaskCompletionSource();

        var requests = Enumerable.Range(0, 100).Select(_ => GetAsync("/api/custom/shop/prices")).ToArray();
        await LayeredCacheTests.Until(() => Task.FromResult(shop.Calls > 0));
        shop.Gate.SetResult();

        Assert.All(await Task.WhenAll(requests), answer => Assert.Equal("call 1", answer.Text));
        Assert.Equal(1, shop.Calls);
    }

    [Fact]
    public async Task Middleware_that_refuses_refuses_cached_answers_too()
    {
        await StartAsync();
        await GetAsync("/api/custom/shop/prices");
        shop.Refuses = true;

        Assert.Equal(418, (await GetAsync("/api/custom/shop/prices")).Status);
        Assert.Equal(418, (await GetAsync("/api/custom/shop/orders")).Status);
    }

    [Fact]
    public async Task Code_that_was_replaced_answers_anew()
    {
        await StartAsync();
        await GetAsync("/api/custom/shop/prices");
        await host!.Services.GetRequiredService<IPlugins>().ExecuteAsync(new PluginCommand.Disable("shop"), null, TestContext.Current.CancellationToken);
        await host.Services.GetRequiredService<IPlugins>().ExecuteAsync(new PluginCommand.Enable("shop"), null, TestContext.Current.CancellationToken);

        Assert.Equal("MISS", (await GetAsync("/api/custom/shop/prices")).Cache);
    }

    [Fact]
    public async Task Operators_see_the_levels_and_clear_by_pattern_and_level_and_metrics_have_the_ratio()
    {
        await StartAsync();
        foreach (var id in new[] { "1", "2" })
            await shop.Cache!.SetAsync(CacheKey.Of("item", id, "v1"), "x"u8.ToArray(), cancellationToken: TestContext.Current.CancellationToken);
        await shop.Cache!.SetAsync(CacheKey.Of("other", "1", "v1"), "x"u8.ToArray(), cancellationToken: TestContext.Current.CancellationToken);
        await shop.Cache.GetAsync(CacheKey.Of("loaded", "1", "v1"), _ => new(new CacheLoaded("x"u8.ToArray())), cancellationToken: TestContext.Current.CancellationToken);
        for (var i = 0; i < 3; i++)
            await shop.Cache.FindAsync(CacheKey.Of("item", "1", "v1"), TestContext.Current.CancellationToken);

        var status = JsonNode.Parse((await GetAsync("/cache/status")).Text)!;
        var metrics = (await GetAsync("/metrics")).Text;
        var cleared = await SendAsync(HttpMethod.Delete, "/cache?pattern=nexus:shop:item:*&level=memory");
        var wrong = await SendAsync(HttpMethod.Delete, "/cache?level=attic");

        Assert.Equal(("memory", 4, 0.75), ((string)status["levels"]![0]!["name"]!, (int)status["levels"]![0]!["entries"]!, (double)status["hitRatio"]!));
        Assert.Contains("# TYPE cache_hit_ratio gauge\ncache_hit_ratio 0.75\n", metrics, StringComparison.Ordinal);
        Assert.Contains("cache_entries{level=\"memory\"} 4\n", metrics, StringComparison.Ordinal);
        Assert.Equal("""{"cleared_keys":2}""", cleared.Text);
        Assert.True((await shop.Cache.FindAsync(CacheKey.Of("other", "1", "v1"), TestContext.Current.CancellationToken)).IsFound);
        Assert.Equal(404, wrong.Status);
    }

    public async ValueTask DisposeAsync()
    {
        if (host is not null)
            await host.DisposeAsync();
    }

    private async Task StartAsync(bool withPolicy = false, Action<PluginTestOptions>? configure = null) => host = await PluginTestHost.StartAsync(options =>
    {
        options.Add(new PluginManifest { Name = "shop", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Sells.", Entry = "" }, () => shop);
        if (withPolicy)
            options.Add(new PluginManifest { Name = "policy", Version = "1.0.0", Category = PluginCategory.Core, Description = "Decides.", Entry = "" }, () => new Policy());
        configure?.Invoke(options);
    });

    private Task<Answer> GetAsync(string path, string? ifNoneMatch = null, string? caller = null, string? colour = null) => SendAsync(HttpMethod.Get, path, null, caller, ifNoneMatch, colour);

    private async Task<Answer> SendAsync(HttpMethod method, string path, string? json = null, string? caller = null, string? ifNoneMatch = null, string? colour = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null)
            request.Content = new StringContent(json, Encoding.UTF8, method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json");
        foreach (var (name, value) in new[] { ("If-None-Match", ifNoneMatch), ("X-API-Key", caller), ("X-Colour", colour) })
        {
            if (value is not null)
                request.Headers.TryAddWithoutValidation(name, value);
        }
        using var response = await host!.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated).ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase));
    }

    private sealed record Answer(int Status, string Text, Dictionary<string, string> Headers)
    {
        public string Cache => Header("X-Cache");

        public string Header(string name) => Headers.GetValueOrDefault(name, "");
    }

    public sealed record Order(string Number) : Resource;

    /// <summary>Callers name themselves and their scope: <c>ada own</c>.</summary>
    private sealed class Policy : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => plugin
            .AddAuthentication("test", (credentials, _) => new(credentials.ApiKey is { } key ? Authentication.Accept(new SignedIn(new Caller(key.Split(' ')[0], key, [], [key.Split(' ')[1]]), "default", "test")) : Authentication.NotMine))
            .UseAuthorization((context, _, _) => new(new AccessDecision(context.Caller.Roles is [var role] && Enum.TryParse<AccessScope>(role, ignoreCase: true, out var scope) ? scope : AccessScope.None, "test")));
    }

    private sealed class Shop : IPlugin
    {
        private int calls;

        public int Calls => Volatile.Read(ref calls);

        public ICache? Cache { get; private set; }

        public bool Fails { get; set; }

        public bool Refuses { get; set; }

        public TaskCompletionSource? Gate { get; set; }

        public void Configure(IPluginBuilder plugin) => plugin
            .AddResource<Order>("orders", orders => orders.Cached(TimeSpan.FromMinutes(1)))
            .WarmCache((services, _) =>
            {
                Cache = services.GetRequiredService<ICache>();
                return Task.CompletedTask;
            })
            .UseMiddleware(async (context, next) =>
            {
                if (Refuses)
                    context.Response.StatusCode = 418;
                else
                    await next();
            })
            .MapEndpoints(Map);

        private void Map(IEndpointRouteBuilder routes)
        {
            routes.MapGet("/prices", (Delegate)PricesAsync).RequireAuthorization("shop.prices:read").Cached(TimeSpan.FromMinutes(1), "prices");
            routes.MapGet("/public", () => Results.Text($"call {Interlocked.Increment(ref calls)}")).AllowAnonymous()
                .Cached(new CachedAnswer(TimeSpan.FromMinutes(1)) { Audience = CacheAudience.Everyone, Tags = [CacheTags.OfResource("shop.orders"), "prices"], VaryBy = ["X-Colour"] });
            routes.MapGet("/odd", Odd).Cached(TimeSpan.FromMinutes(1));
        }

        private async Task<IResult> PricesAsync(HttpContext context)
        {
            var call = Interlocked.Increment(ref calls);
            if (Gate is { } gate)
                await gate.Task;
            if (!Fails)
                return Results.Text($"call {call}");
            context.Response.Headers["X-Broken"] = "yes";
            return Results.Text("broken", statusCode: 500);
        }

        private IResult Odd(string kind, HttpContext context)
        {
            var text = $"{kind} {Interlocked.Increment(ref calls)}";
            if (kind == "cookie")
                context.Response.Cookies.Append("a", "b");
            if (kind == "no-store")
                context.Response.Headers.CacheControl = "no-store";
            return Results.Text(text, statusCode: kind switch { "missing" => 404, "created" => 201, _ => 200 });
        }
    }
}
