using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>What the configured registries offer.</summary>
internal sealed class PluginRegistryRoutes(IServiceProvider host) : IPlatformRoutes
{
    private const string Root = "/api/v1/plugins";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root + "/search", "searchPlugins", "Plugins that the configured registries offer, each in its highest version", "platform.plugins:read", SearchAsync)
        {
            Query =
            [
                ("query", "words in id, name, description or tags"), ("category", "only this category"), ("author", "only this author"), ("tags", "only those with all of these, separated by commas"),
                ("min_rating", "only those rated at least so, 0 to 5"), ("sort", "name, version, rating or category; a minus before it turns the order round"),
            ],
            Answer = Answer.Of<PluginOffer[]>(),
        },
        new("GET", Root + "/repositories", "listPluginRepositories", "The configured registries and whether they can be read", "platform.plugins:read", async context => await JsonAnswer.SendAsync(context, await Registry.ListAsync(context.RequestAborted))) { Answer = Answer.Of<PluginRepository[]>() },
    ];

    private IPluginRegistry Registry => host.GetService<IPluginRegistry>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no plugin registries.");

    private async Task SearchAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var search = new PluginSearch
        {
            Query = query["query"],
            Author = query["author"] is [{ Length: > 0 } author] ? author : null,
            Tags = [.. query["tags"].SelectMany(t => (t ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))],
            Sort = query["sort"] is [{ Length: > 0 } sort] ? sort : null,
            Category = query["category"] is [{ Length: > 0 } category] ? CategoryOf(category) : null,
            MinRating = query["min_rating"] is [{ Length: > 0 } rating] ? RatingOf(rating) : null,
        };
        await JsonAnswer.SendAsync(context, await Registry.SearchAsync(search, context.RequestAborted));
    }

    private static PluginCategory CategoryOf(string text) => Enum.TryParse<PluginCategory>(text, ignoreCase: true, out var category) && Enum.IsDefined(category)
        ? category
        : throw new NexusException(ErrorCodes.BadRequest, $"'{text}' is no category; there are {string.Join(", ", Enum.GetNames<PluginCategory>().Select(n => n.ToLowerInvariant()))}.");

    private static double RatingOf(string text) => double.TryParse(text, System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out var rating) && rating <= 5
        ? rating
        : throw new NexusException(ErrorCodes.BadRequest, $"min_rating must be a number from 0 to 5, not '{text}'.");
}
