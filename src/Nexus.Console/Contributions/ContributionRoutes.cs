using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.UserInterface.Contributions;

/// <summary>Pages and widgets of plugins, as far as the caller may use what is on them.</summary>
internal static class ContributionRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/api/v1/ui/menu", MenuAsync).WithSummary("Pages of plugins that this caller sees, in the order of the menu").AllowAnonymous().WithAnswer(Forms.Menu);
        routes.MapGet("~/menu", MenuAsync).WithSummary("Pages of plugins that this caller sees, in the order of the menu").AllowAnonymous().ExcludeFromDescription();
        routes.MapGet("~/api/v1/ui/widgets", WidgetsAsync).WithSummary("Widgets of plugins that this caller sees, with their content").AllowAnonymous().WithAnswer(Forms.Widgets);
        routes.MapGet("~/api/v1/ui/pages/{plugin}/{name}", PageAsync).WithSummary("One page of a plugin, with what of its content this caller may use").AllowAnonymous().WithAnswer(Forms.Page);
    }

    /// <summary>The entries of the menu.</summary>
    public static async Task<JsonArray> MenuOfAsync(HttpContext context)
    {
        var (snapshot, sight) = Look(context);
        var entries = new JsonArray();
        foreach (var plugin in snapshot.Plugins)
        {
            foreach (var page in plugin.Pages)
            {
                if (await sight.HasAsync(page.Permission) && await sight.LeaveAsync(plugin, page.Content) is not null)
                    entries.Add(Entry(plugin, page));
            }
        }

        return entries;
    }

    private static async Task MenuAsync(HttpContext context) => await SendAsync(context, new JsonObject { ["items"] = await MenuOfAsync(context) });

    private static async Task WidgetsAsync(HttpContext context)
    {
        var (snapshot, sight) = Look(context);
        var widgets = new JsonArray();
        foreach (var (plugin, widget) in snapshot.Plugins.SelectMany(p => p.Widgets.Select(w => (Plugin: p, Widget: w))).OrderBy(w => w.Widget.Position))
        {
            if (await sight.HasAsync(widget.Permission) && await sight.LeaveAsync(plugin, widget.Content) is { } content)
                widgets.Add((JsonNode)new JsonObject { ["plugin"] = plugin.Manifest.Name, ["prefix"] = plugin.Manifest.RoutePrefix, ["name"] = widget.Name, ["title"] = widget.Title.ToJsonNode(), ["width"] = Math.Clamp(widget.Width, 1, 4), ["content"] = content });
        }

        await SendAsync(context, new JsonObject { ["items"] = widgets });
    }

    private static async Task PageAsync(HttpContext context)
    {
        var (snapshot, sight) = Look(context);
        var (id, name) = ((string)context.Request.RouteValues["plugin"]!, (string)context.Request.RouteValues["name"]!);
        var plugin = snapshot.Find(id);
        var page = plugin?.Pages.FirstOrDefault(p => p.Name == name);
        // Whether there is such a page is nobody's to know who may not see it.
        if (page is null || !await sight.HasAsync(page.Permission) || await sight.LeaveAsync(plugin!, page.Content) is not { } content)
            throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no page {name} of {id} for this caller; GET /api/v1/ui/menu names those there are.");
        var answer = Entry(plugin!, page);
        answer["about"] = page.About?.ToJsonNode();
        answer["content"] = content;
        await SendAsync(context, answer);
    }

    private static (PlatformSnapshot Snapshot, Sight Sight) Look(HttpContext context)
    {
        var snapshot = context.RequestServices.GetRequiredService<IPlugins>().Current;
        return (snapshot, new Sight(snapshot, context.RequestServices.GetRequiredService<IAuthorization>(), CallContext.Current, context.RequestAborted));
    }

    private static JsonObject Entry(ActivePlugin plugin, PageDescriptor page) => new()
    {
        ["plugin"] = plugin.Manifest.Name,
        ["prefix"] = plugin.Manifest.RoutePrefix,
        ["name"] = page.Name,
        ["title"] = page.Title.ToJsonNode(),
        ["icon"] = page.Icon,
        ["position"] = page.Position,
        ["path"] = $"/p/{plugin.Manifest.Name}/{page.Name}",
    };

    /// <summary>Answers with JSON of the moment.</summary>
    public static Task SendAsync(HttpContext context, JsonNode answer)
    {
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync(answer.ToJsonString(), context.RequestAborted);
    }
}
