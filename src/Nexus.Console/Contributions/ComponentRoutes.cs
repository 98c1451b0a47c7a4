using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.UserInterface.Contributions;

/// <summary>The components that pages are made of: their types, one as HTML, and the colours they have.</summary>
internal static class ComponentRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        foreach (var (root, isAlias) in new[] { ("~/api/v1/ui", false), ("~", true) })
        {
            Describe(routes.MapGet(root + "/components", TypesAsync).WithSummary("Types of components with their properties, and an example of each").WithAnswer(Forms.Components), isAlias);
            Describe(routes.MapPost(root + "/components/render", RenderAsync).WithSummary("A component as HTML without scripts, everything in it escaped").WithMetadata(new AcceptsMetadata(["application/json"], typeof(JsonObject))).WithAnswer("""{"type":"string"}""", contentType: "text/html"), isAlias);
            Describe(routes.MapGet(root + "/theme", context => ContributionRoutes.SendAsync(context, ThemeOf(context))).WithSummary("The colours of the console, as configured").WithAnswer(Forms.Theme), isAlias);
        }
    }

    /// <summary>The colours as they are configured now.</summary>
    public static JsonObject ThemeOf(HttpContext context)
    {
        var settings = context.RequestServices.GetRequiredService<NodeSettings>().Root;
        return new JsonObject { ["colour"] = settings["console:colour"] ?? "indigo", ["scheme"] = settings["console:scheme"] ?? "auto" };
    }

    private static void Describe(IEndpointConventionBuilder route, bool isAlias)
    {
        route.AllowAnonymous();
        if (isAlias)
            route.ExcludeFromDescription();
    }

    private static Task TypesAsync(HttpContext context) => ContributionRoutes.SendAsync(context, new JsonObject
    {
        ["types"] = new JsonArray([.. ComponentCatalogue.All.Select(type => (JsonNode)new JsonObject
        {
            ["name"] = type.Name,
            ["group"] = type.Group,
            ["meaning"] = type.Meaning,
            ["hasParts"] = type.HasParts,
            ["properties"] = new JsonArray([.. type.Properties.Select(property => (JsonNode)new JsonObject
            {
                ["name"] = property.Name,
                ["value"] = property.Value.ToString().ToLowerInvariant(),
                ["meaning"] = property.Meaning,
                ["required"] = property.Required,
                ["choices"] = property.Choices.IsEmpty ? null : new JsonArray([.. property.Choices.Select(c => (JsonNode)c)]),
            })]),
            ["example"] = ComponentExamples.Of(type.Name)?.ToJson(),
        })]),
    });

    private static async Task RenderAsync(HttpContext context)
    {
        Component component;
        try
        {
            using var body = await JsonDocument.ParseAsync(context.Request.Body, new JsonDocumentOptions { MaxDepth = 64 }, context.RequestAborted);
            component = Component.FromJson(body.RootElement);
        }
        catch (JsonException exception)
        {
            throw new NexusException(ErrorCodes.BadRequest, "The body is a component as JSON, such as {\"type\":\"text\",\"text\":\"Hello\"}.", exception);
        }

        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(ComponentHtml.Of(component, context.Request.Headers.AcceptLanguage.ToString().Split(',', '-', ';')[0].Trim()), context.RequestAborted);
    }
}
