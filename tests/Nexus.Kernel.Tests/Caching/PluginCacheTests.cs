using System.ComponentModel;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Caching;
using Nexus.Kernel.Tests.Plugins;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Caching;

/// <summary>The cache as a plugin sees it.</summary>
public sealed class PluginCacheTests
{
    private static readonly PluginManifest Manifest = new() { Name = "shop", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Sells.", Entry = "" };

    [Fact]
    public async Task Reading_a_profile_makes_exactly_its_documented_key()
    {
        IServiceProvider? own = null;
        await using var host = await StartAsync(plugin => plugin.AddCacheName("user").WarmCache(async (services, token) =>
        {
            own = services;
            await services.GetRequiredService<HybridCache>().GetOrCreateAsync("profile:123:v1", _ => new ValueTask<string>("Ada"), cancellationToken: token);
        }));

        Assert.NotNull(own);
        Assert.Equal(1, await host.Services.GetRequiredService<ICaches>().ClearAsync("nexus:user:profile:123:v1", null, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Nothing_zero_and_false_are_loaded_once()
    {
        var cache = Hybrid();
        var loads = 0;

        for (var i = 0; i < 2; i++)
        {
            Assert.Null(await cache.GetOrCreateAsync("item:null:v1", _ => { loads++; return new ValueTask<string?>((string?)null); }, cancellationToken: TestContext.Current.CancellationToken));
            Assert.Equal(0, await cache.GetOrCreateAsync("item:zero:v1", _ => { loads++; return new ValueTask<int>(0); }, cancellationToken: TestContext.Current.CancellationToken));
            Assert.False(await cache.GetOrCreateAsync("item:false:v1", _ => { loads++; return new ValueTask<bool>(false); }, cancellationToken: TestContext.Current.CancellationToken));
            Assert.Equal("", await cache.GetOrCreateAsync("item:empty:v1", _ => { loads++; return new ValueTask<string>(""); }, cancellationToken: TestContext.Current.CancellationToken));
        }

        Assert.Equal(4, loads);
    }

    [Fact]
    public async Task What_one_reader_does_to_a_value_no_other_sees_and_what_cannot_change_is_one_object()
    {
        var cache = Hybrid();
        ValueTask<Cart> CartAsync() => cache.GetOrCreateAsync("cart:1:v1", _ => new ValueTask<Cart>(new Cart { Total = 1 }), cancellationToken: TestContext.Current.CancellationToken);
        ValueTask<Price> PriceAsync() => cache.GetOrCreateAsync("price:1:v1", _ => new ValueTask<Price>(new Price(5)), cancellationToken: TestContext.Current.CancellationToken);

        (await CartAsync()).Total = 99;

        Assert.Equal(1, (await CartAsync()).Total);
        Assert.Equal(5, (await PriceAsync()).Cents);
        Assert.Same(await PriceAsync(), await PriceAsync());
    }

    [Fact]
    public async Task A_typed_value_is_removed_by_key_and_by_tag_and_found_without_its_factory()
    {
        var cache = Hybrid();
        await cache.SetAsync("item:1:v1", 1, tags: ["red"], cancellationToken: TestContext.Current.CancellationToken);
        await cache.SetAsync("any text at all", 2, tags: ["red"], cancellationToken: TestContext.Current.CancellationToken);
        await cache.SetAsync("item:3:v1", 3, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal((1, 2, 3), (await PeekAsync("item:1:v1"), await PeekAsync("any text at all"), await PeekAsync("item:3:v1")));
        await cache.RemoveByTagAsync("red", TestContext.Current.CancellationToken);
        await cache.RemoveAsync("item:3:v1", TestContext.Current.CancellationToken);
        Assert.Equal((0, 0, 0), (await PeekAsync("item:1:v1"), await PeekAsync("any text at all"), await PeekAsync("item:3:v1")));

        ValueTask<int> PeekAsync(string key) => cache.GetOrCreateAsync(key, _ => new ValueTask<int>(-1), new HybridCacheEntryOptions { Flags = HybridCacheEntryFlags.DisableUnderlyingData }, cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_write_to_a_resource_removes_what_was_made_of_its_records()
    {
        ICache? cache = null;
        await using var host = await StartAsync(plugin => plugin.AddResource<Order>("orders").WarmCache((services, _) => { cache = services.GetRequiredService<ICache>(); return Task.CompletedTask; }));
        await cache!.SetAsync(CacheKey.Of("dashboard", "user_123", "monthly"), "7"u8.ToArray(), new CacheRules { Tags = [CacheTags.OfResource("shop.orders")] }, TestContext.Current.CancellationToken);
        await cache.SetAsync(CacheKey.Of("dashboard", "user_123", "weather"), "sun"u8.ToArray(), cancellationToken: TestContext.Current.CancellationToken);

        using var answer = await host.Client.PostAsync("/api/custom/shop/orders", new StringContent("""{"number":"1"}""", Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);

        Assert.Equal(201, (int)answer.StatusCode);
        Assert.False((await cache.FindAsync(CacheKey.Of("dashboard", "user_123", "monthly"), TestContext.Current.CancellationToken)).IsFound);
        Assert.True((await cache.FindAsync(CacheKey.Of("dashboard", "user_123", "weather"), TestContext.Current.CancellationToken)).IsFound);
    }

    [Fact]
    public async Task Warming_fills_the_cache_before_the_first_request_and_a_failure_of_it_stops_nobody()
    {
        ICache? cache = null;
        await using var host = await StartAsync(plugin => plugin
            .WarmCache((_, _) => throw new IOException("down"))
            .WarmCache(async (services, token) => await (cache = services.GetRequiredService<ICache>()).SetAsync(CacheKey.Of("item", "1", "v1"), "warm"u8.ToArray(), cancellationToken: token)));

        Assert.Equal("memory", (await cache!.FindAsync(CacheKey.Of("item", "1", "v1"), TestContext.Current.CancellationToken)).Level);
    }

    [Fact]
    public async Task Two_plugins_may_not_have_one_name_in_the_cache()
    {
        var error = await Assert.ThrowsAsync<NexusException>(() => PluginTestHost.StartAsync(options =>
        {
            options.Add(Manifest, () => new Declared(p => p.AddCacheName("user")));
            options.Add(Manifest with { Name = "store" }, () => new Declared(p => p.AddCacheName("user")));
        }));

        Assert.Contains("below user", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_database_as_the_last_level_outlives_memory_and_ends_in_time()
    {
        ICache? cache = null;
        var clock = new FakeClock(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var host = await StartAsync(
            plugin => plugin.WarmCache((services, _) => { cache = services.GetRequiredService<ICache>(); return Task.CompletedTask; }),
            options => { options.Settings["cache:database"] = "true"; options.Clock = clock; });
        var key = CacheKey.Of("item", "1", "v1");
        await cache!.GetAsync(key, _ => new(new CacheLoaded("kept"u8.ToArray())), new CacheRules { Life = TimeSpan.FromSeconds(60), Stale = TimeSpan.Zero }, TestContext.Current.CancellationToken);

        var stored = await host.Services.GetRequiredService<IStorage>().FindAsync(new RecordKey("default", IStorage.Documents, "shared/cache/nexus:shop:item:1:v1"), TestContext.Current.CancellationToken);
        await host.Services.GetRequiredService<ICaches>().ClearAsync("*", "memory", TestContext.Current.CancellationToken);

        Assert.NotNull(stored);
        Assert.Equal("database", (await cache.FindAsync(key, TestContext.Current.CancellationToken)).Level);
        clock.Advance(TimeSpan.FromSeconds(61));
        Assert.False((await cache.FindAsync(key, TestContext.Current.CancellationToken)).IsFound);
    }

    [Fact]
    public async Task Entries_of_an_unloaded_plugin_stay_and_its_code_leaves_memory()
    {
        var settings = new ConfigurationBuilder().Build();
        await using var host = new KernelHost(o => o.UnloadLimit = TimeSpan.FromSeconds(40), services => services.AddNexusCaching(settings));
        host.Add("thing", """
            public sealed class Thing { public string Name { get; set; } = ""; }
            [System.ComponentModel.ImmutableObject(true)] public sealed record Fixed(string Name);
            public sealed class ThePlugin : IPlugin, IStart
            {
                public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(r => r.MapGet("/", () => "ok")).WarmCache(async (s, t) => await s.GetRequiredService<ICache>().SetAsync(CacheKey.Of("item", "1", "v1"), new byte[] { 1 }, null, t), TimeSpan.FromHours(1));
                public async Task StartAsync(IServiceProvider s, CancellationToken t)
                {
                    var typed = s.GetRequiredService<Microsoft.Extensions.Caching.Hybrid.HybridCache>();
                    for (var i = 0; i < 2; i++)
                    {
                        await typed.GetOrCreateAsync("thing:1:v1", _ => new ValueTask<Thing>(new Thing { Name = "x" }), tags: ["red"]);
                        await typed.GetOrCreateAsync("fixed:1:v1", _ => new ValueTask<Fixed>(new Fixed("x")));
                    }
                    try { await typed.GetOrCreateAsync<Thing>("fails:1:v1", _ => throw new Lost()); } catch (Lost) { }
                    try { await s.GetRequiredService<ICache>().GetAsync(CacheKey.Of("fails", "2", "v1"), async _ => { await Task.Yield(); throw new Lost(); }); } catch (Lost) { }
                    _ = s.GetRequiredService<ICache>().RemoveAsync(CacheSelection.Of(CacheKey.Of("thing", "9", "v1")) with { Delay = TimeSpan.FromHours(1) });
                }
                private sealed class Lost : Exception;
            }
            """);
        await host.StartAsync();
        Assert.True(host.Status("thing").State == PluginState.Active, host.Status("thing").Cause);

        await host.RunAsync(new PluginCommand.Disable("thing"));
        await host.Kernel.RetiredAsync("thing");

        Assert.True(host.Status("thing") is { State: PluginState.Stopped, GenerationsAlive: 0 }, $"{host.Status("thing")}");
        Assert.Equal(3, (await host.Services.GetRequiredService<ICaches>().LookAsync(TestContext.Current.CancellationToken)).Levels[0].Entries);
    }

    [Fact]
    public async Task A_plugin_whose_capability_was_taken_keeps_nothing()
    {
        ICache? cache = null;
        await using var host = await StartAsync(plugin => plugin.WarmCache((services, _) => { cache = services.GetRequiredService<ICache>(); return Task.CompletedTask; }));
        var own = host.Services.GetRequiredService<IPlugins>().Current.Find("shop")!.Manifest;
        await host.Services.GetRequiredService<IPluginPermissions>().ChangeAsync(own, new PermissionChange(Deny: [Capability.Cache]), TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<NexusException>(async () => await cache!.AddAsync(CacheKey.Of("item", "1", "v1"), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal("CAPABILITY_DENIED", error.Code);
    }

    private static PluginHybridCache Hybrid() => new(new CacheNode(new FakeClock()).Cache);

    private static Task<PluginTestHost> StartAsync(Action<IPluginBuilder> configure, Action<PluginTestOptions>? also = null) => PluginTestHost.StartAsync(options =>
    {
        options.Add(Manifest, () => new Declared(configure));
        also?.Invoke(options);
    });

    private sealed class Declared(Action<IPluginBuilder> configure) : IPlugin
    {
        public void Configure(IPluginBuilder plugin) => configure(plugin);
    }

    public sealed record Order(string Number) : Resource;

    public sealed class Cart
    {
        public int Total { get; set; }
    }

    [ImmutableObject(true)]
    public sealed record Price(int Cents)
    {
        public override string ToString() => Cents.ToString(CultureInfo.InvariantCulture);
    }
}
