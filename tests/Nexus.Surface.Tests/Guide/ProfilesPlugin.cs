using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Surface.Tests.Guide;

/// <summary>The plugin of the chapter about the cache.</summary>
internal sealed class ProfilesPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin) => plugin
        .AddCacheName("user")
        .AddResource<Profile>("profiles", profiles => profiles.Cached(TimeSpan.FromMinutes(1)))
        .WarmCache((services, cancellationToken) => FrontPageAsync(services.GetRequiredService<HybridCache>(), cancellationToken))
        .AddWriteBehind(services => new WriteBehindRules(async (visits, cancellationToken) =>
        {
            var documents = services.GetRequiredService<IDocuments>();
            foreach (var (key, number) in visits)
                await documents.SetAsync("visits/" + key.Text.Replace(':', '-'), System.Text.Encoding.UTF8.GetString(number.Span), cancellationToken);
        }, TimeSpan.FromSeconds(5)))
        .MapEndpoints(MapRoutes);

    private static void MapRoutes(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/cards/{id}", async (string id, HybridCache cache, IDocuments documents, CancellationToken cancellationToken) =>
            await cache.GetOrCreateAsync($"profile:{id}:v1", async token => await documents.GetAsync<string>($"cards/{id}", token) ?? "nobody", tags: ["cards"], cancellationToken: cancellationToken));
        routes.MapPut("/cards/{id}", async (string id, string name, HybridCache cache, IDocuments documents, CancellationToken cancellationToken) =>
        {
            await documents.SetAsync($"cards/{id}", name, cancellationToken);
            await cache.RemoveAsync($"profile:{id}:v1", cancellationToken);
        });
        routes.MapGet("/count", async (IRepository<Profile> profiles, CancellationToken cancellationToken) =>
                (await profiles.ListAsync(new ResourceQuery { Count = true, Limit = 1 }, cancellationToken)).Total)
            .Cached(TimeSpan.FromMinutes(5), CacheTags.OfResource("profiles.profiles"));
        routes.MapPost("/visits/{id}", async (string id, ICache cache, WriteBehind visits, CancellationToken cancellationToken) =>
        {
            var number = await cache.AddAsync(CacheKey.Of("visits", id, "today"), cancellationToken: cancellationToken);
            await visits.SetAsync(CacheKey.Of("visited", id, "today"), System.Text.Encoding.UTF8.GetBytes($"{number}"), cancellationToken: cancellationToken);
            return number;
        });
    }

    private static async Task FrontPageAsync(HybridCache cache, CancellationToken cancellationToken) =>
        await cache.GetOrCreateAsync("page:front:v1", _ => new ValueTask<string>("Welcome"), cancellationToken: cancellationToken);
}

/// <summary>A person.</summary>
public sealed record Profile(string Name) : Resource;
