using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Kernel.Caching;
using Nexus.Kernel.Tests.Events;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Caching;

/// <summary>The cache of one node under a clock that the test moves.</summary>
internal sealed class CacheNode
{
    public CacheNode(FakeClock clock, FakeEngine? engine = null, Action<CacheOptions>? configure = null, long? quota = null)
    {
        var options = new CacheOptions { TimeoutSeconds = 5 };
        configure?.Invoke(options);
        Layers = new LayeredCache(options, clock, NullLogger<LayeredCache>.Instance, _ => quota);
        Cache = new PluginCache(Layers, new CacheSpace("shop", ["shop"], null, clock));
        Options = options;
        if (engine is null)
            return;
        Layers.Attach([new SharedLevel("fake", engine, options, clock, NullLogger.Instance)], engine);
        engine.Subscribe(CacheNotice.Channel, new BroadcastListener(Layers.Receive, Layers.Connected));
    }

    public LayeredCache Layers { get; }

    public CacheOptions Options { get; }

    public PluginCache Cache { get; }

    public static CacheKey Key(string id) => CacheKey.Of("item", id, "v1");

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static CacheLoad Load(string text) => _ => new(new CacheLoaded(Bytes(text)));

    public async Task<string> GetAsync(string id, CacheLoad load, CacheRules? rules = null) =>
        Encoding.UTF8.GetString((await Cache.GetAsync(Key(id), load, rules, TestContext.Current.CancellationToken)).Value.Span);

    public async Task<string?> FindAsync(string id) =>
        await Cache.FindAsync(Key(id), TestContext.Current.CancellationToken) is { IsFound: true } found ? Encoding.UTF8.GetString(found.Value.Span) : null;

    public async Task SetAsync(string id, string text, params string[] tags) =>
        await Cache.SetAsync(Key(id), Bytes(text), new CacheRules { Tags = [.. tags] }, TestContext.Current.CancellationToken);
}
