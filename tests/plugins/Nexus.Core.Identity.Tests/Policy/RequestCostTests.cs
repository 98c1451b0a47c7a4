using System.Collections.Concurrent;
using System.Diagnostics;

namespace Nexus.Core.Identity.Tests.Policy;

/// <summary>What a signed-in request asks of storage, counted by the spans of its own trace.</summary>
public sealed class RequestCostTests
{
    private static readonly PluginManifest Shop = new() { Name = "shop", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Sells.", Entry = "" };

    [Fact]
    public async Task Who_calls_and_what_it_may_is_known_without_a_look_into_storage()
    {
        await using var node = await StartAsync();
        using var spans = new Spans();
        var token = await node.SignedInAsync("ada", "clerk");

        Assert.Equal((200, 403), ((await spans.CountAsync(node, HttpMethod.Get, "/api/custom/shop/report", token)).Status, (await node.GetAsync("/api/v1/users", token)).Status));

        // The first request of a token verifies it; neither it nor a later one reads. That reads are counted at all, the list shows.
        Assert.Empty((await spans.CountAsync(node, HttpMethod.Get, "/api/custom/shop/report", await node.TokenAsync("ada"))).Storage);
        Assert.Empty((await spans.CountAsync(node, HttpMethod.Get, "/api/custom/shop/report", token)).Storage);
        Assert.Equal([NexusTracing.StorageQuery], (await spans.CountAsync(node, HttpMethod.Get, "/api/custom/shop/orders", token)).Storage);
    }

    [Fact]
    public async Task A_read_that_succeeds_writes_nothing_not_even_to_the_audit_trail_and_a_change_is_one_commit()
    {
        await using var node = await StartAsync();
        using var spans = new Spans();
        var token = await node.SignedInAsync("ada", "clerk");

        var made = await spans.CountAsync(node, HttpMethod.Post, "/api/custom/shop/orders", token, new { title = "a" });
        var read = await spans.CountAsync(node, HttpMethod.Get, $"/api/custom/shop/orders/{made.Id}", token);
        var listed = await spans.CountAsync(node, HttpMethod.Get, "/api/custom/shop/orders", token);

        Assert.Equal((201, 200, 200), (made.Status, read.Status, listed.Status));
        Assert.Single(made.Storage, name => name == NexusTracing.StorageCommit);
        Assert.DoesNotContain(NexusTracing.StorageCommit, read.Storage.Concat(listed.Storage));
    }

    private static async Task<IdentityNode> StartAsync()
    {
        var node = await IdentityNode.StartAsync(options => options.Add(Shop, () => new ShopPlugin()));
        Assert.Equal(201, (await node.PostAsync("/api/v1/roles", new { name = "clerk", permissions = new[] { "shop.*:*" } }, node.Admin)).Status);
        return node;
    }

    private sealed record Order(string Title) : Resource;

    private sealed class ShopPlugin : IPlugin
    {
        public void Configure(IPluginBuilder plugin)
        {
            plugin.AddResource<Order>("orders");
            plugin.MapEndpoints(routes => Microsoft.AspNetCore.Builder.AuthorizationEndpointConventionBuilderExtensions.RequireAuthorization(Microsoft.AspNetCore.Builder.EndpointRouteBuilderExtensions.MapGet(routes, "report", () => "all figures"), "shop.report:read"));
        }
    }

    /// <summary>Spans by trace; each counted request begins a trace of its own, so that tests beside it do not count.</summary>
    private sealed class Spans : IDisposable
    {
        private readonly ConcurrentQueue<Activity> seen = new();
        private readonly ActivityListener listener;

        public Spans()
        {
            listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == NexusTracing.SourceName,
                Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = seen.Enqueue,
            };
            ActivitySource.AddActivityListener(listener);
        }

        public async Task<(int Status, string? Id, string[] Storage)> CountAsync(IdentityNode node, HttpMethod method, string path, string token, object? body = null)
        {
            var trace = ActivityTraceId.CreateRandom();
            var answer = await node.SendAsync(method, path, token, body, ("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01"));
            List<string> own = [];
            // The span of the request ends last, and some time after its answer was read.
            for (var i = 0; i < 3000 && !own.Contains(NexusTracing.Gateway); i++)
            {
                if (i > 0) await Task.Delay(10);
                own = [.. seen.Where(s => s.TraceId == trace).Select(s => s.OperationName)];
            }

            Assert.Contains(NexusTracing.Gateway, own);
            return (answer.Status, answer.Text.StartsWith('{') ? (string?)answer.Json["id"] : null, [.. own.Where(name => name.StartsWith("storage.", StringComparison.Ordinal))]);
        }

        public void Dispose() => listener.Dispose();
    }
}
