using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.UserInterface.Contributions;

namespace Nexus.UserInterface.People;

/// <summary>Views of lists that a person keeps by name: each is the query of a list's address. One of them may be how the list opens.</summary>
internal static class SavedViewRoutes
{
    private const int MaxViews = 50;
    private const int MaxName = 80;
    private const int MaxQuery = 4000;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/ui/views/{resource}", ListAsync).WithSummary("The caller's own views of the list of a resource, by name").AllowAnonymous().WithAnswer(Forms.SavedViews);
        routes.MapPut("~/api/v1/ui/views/{resource}", SetAsync).WithSummary("Keep a view: {\"name\": \"Large\", \"query\": \"sort=-total\", \"default\": false}; when it is the default, no other one is").AllowAnonymous().WithMetadata(new AcceptsMetadata(["application/json"], typeof(JsonObject))).WithAnswer(Forms.SavedViews);
        routes.MapDelete("~/api/v1/ui/views/{resource}", RemoveAsync).WithSummary("Forget a view").AllowAnonymous().WithQuery("name", "its name", isRequired: true).WithAnswer(Forms.SavedViews);
    }

    private static async Task ListAsync(HttpContext context)
    {
        var documents = PersonalDocuments.Of(context);
        await ContributionRoutes.SendAsync(context, Shown(await documents.FindAsync(await PlaceAsync(context), context.RequestAborted)));
    }

    private static async Task SetAsync(HttpContext context)
    {
        var documents = PersonalDocuments.Of(context);
        var place = await PlaceAsync(context);
        var view = await ReadAsync(context);
        var name = (string)view["name"]!;
        await ContributionRoutes.SendAsync(context, Shown(await documents.ChangeAsync(place, current => Joined(current, name, view), context.RequestAborted)));
    }

    private static async Task RemoveAsync(HttpContext context)
    {
        var documents = PersonalDocuments.Of(context);
        var name = context.Request.Query["name"].ToString();
        await ContributionRoutes.SendAsync(context, Shown(await documents.ChangeAsync(await PlaceAsync(context), current => Joined(current, name, null), context.RequestAborted)));
    }

    /// <summary>Where the views of the resource are kept; of one that the caller may not read there are none.</summary>
    private static async Task<string> PlaceAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["resource"]!;
        var snapshot = context.RequestServices.GetRequiredService<IPlugins>().Current;
        var sight = new Sight(snapshot, context.RequestServices.GetRequiredService<IAuthorization>(), CallContext.Current, context.RequestAborted);
        return snapshot.Plugins.SelectMany(p => p.Resources).FirstOrDefault(r => r.Table == name) is { } resource && await sight.HasAsync(resource.PermissionFor("read"))
            ? "views/" + name
            : throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no resource {name} that you may read; GET /api/v1/resources names those there are.");
    }

    private static async Task<JsonObject> ReadAsync(HttpContext context)
    {
        JsonObject? sent;
        try
        {
            sent = await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted) as JsonObject;
        }
        catch (JsonException exception)
        {
            throw new NexusException(ErrorCodes.BadRequest, "The body is a view as JSON, such as {\"name\": \"Large\", \"query\": \"sort=-total\", \"default\": false}.", exception);
        }

        var name = sent?["name"] is JsonValue given && given.GetValueKind() == JsonValueKind.String ? ((string?)given)!.Trim() : "";
        var query = sent?["query"] is JsonValue text && text.GetValueKind() == JsonValueKind.String ? (string?)text : null;
        var isDefault = sent?["default"] is JsonValue value && value.GetValueKind() == JsonValueKind.True;
        List<FieldError> errors = [];
        if (name.Length is 0 or > MaxName || name.Any(char.IsControl))
            errors.Add(new("/name", "length", $"has 1 to {MaxName} characters."));
        if (query is null || query.Length > MaxQuery)
            errors.Add(new("/query", "length", $"is the query of a list's address, up to {MaxQuery} characters."));
        return errors.Count == 0
            ? new JsonObject { ["name"] = name, ["query"] = query, ["default"] = isDefault }
            : throw new NexusException(ErrorCodes.ValidationError, "The view is not kept.") { Errors = [.. errors] };
    }

    /// <summary>The views with one set, or without it.</summary>
    private static JsonObject Joined(JsonNode? current, string name, JsonObject? view)
    {
        var others = Items(current).Where(v => (string?)v["name"] != name).Select(v => v.DeepClone().AsObject()).ToList();
        if (view is not null && others.Count >= MaxViews)
            throw new NexusException(ErrorCodes.Conflict, $"There are {MaxViews} views of this list; forget one before another is kept.");
        if ((bool?)view?["default"] == true)
            others.ForEach(v => v["default"] = false);
        var all = view is null ? others : [.. others, view.DeepClone().AsObject()];
        return new JsonObject { ["items"] = new JsonArray([.. all.OrderBy(v => (string?)v["name"], StringComparer.OrdinalIgnoreCase)]) };
    }

    private static JsonObject Shown(JsonNode? stored) => new() { ["items"] = new JsonArray([.. Items(stored).Select(v => v.DeepClone())]) };

    private static IEnumerable<JsonObject> Items(JsonNode? stored) => stored?["items"] is JsonArray items ? items.OfType<JsonObject>() : [];
}
