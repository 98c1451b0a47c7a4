using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus;

namespace Board;

/// <summary>The three ways into the console: parts that are declared, a script module, and a page in a frame of its own.</summary>
public sealed class BoardPlugin : IPlugin
{
    private const string Read = "board.notes:read";

    public void Configure(IPluginBuilder plugin)
    {
        plugin.AddResource<Note>("notes", notes => notes.Search(n => n.Text));
        plugin.MapEndpoints(routes => routes.MapGet("stages", CountAsync).RequireAuthorization(Read).WithSummary("Number of notes in each stage"));

        // Declared: drawn by the console, in its colours and for whom it concerns. Who may not read notes sees neither.
        plugin.AddWidget("notes", new LocalText("Notes").In("de", "Notizen"), new Component("container",
            new Component("metric") { ["label"] = new LocalText("On the board").In("de", "An der Tafel"), ["source"] = "notes?limit=1&count=true", ["from"] = "$count", ["kind"] = "number", ["page"] = "/p/board/wall" },
            Stages("ring", 160)));
        plugin.AddPage("overview", new LocalText("Overview").In("de", "Überblick"), new Component("container",
            new Component("grid",
                new Component("card", Stages("bar", 240)) { ["title"] = new LocalText("How it stands").In("de", "Wie es steht") },
                new Component("card", new Component("form") { ["label"] = new LocalText("Pin it").In("de", "Anheften"), ["source"] = "notes", ["done"] = new LocalText("Pinned").In("de", "Angeheftet") }) { ["title"] = new LocalText("A new note").In("de", "Eine neue Notiz") }),
            new Component("card", new Component("data-grid")
            {
                ["source"] = "notes?limit=200&sort=-updatedAt",
                ["columns"] = new JsonArray(Column("text", "Text", "Text", "text"), Column("stage", "Stage", "Stand", "choice"), Column("updatedAt", "Changed", "Geändert", "instant")),
            }) { ["title"] = new LocalText("All of them").In("de", "Alle") }), page => page with { Icon = "chart" });

        // A script module: what can be dragged and typed as nothing declared can.
        plugin.AddPage("wall", new LocalText("Wall").In("de", "Wand"), new Component("module") { ["file"] = "wall.js" }, page => page with { Icon = "board", Position = 1, Permission = Read });

        // A frame: code that the console does not trust.
        plugin.AddPage("sketch", new LocalText("Sketch").In("de", "Skizze"), new Component("frame") { ["file"] = "sketch.html", ["label"] = new LocalText("Sketch pad").In("de", "Skizzenblock"), ["height"] = 420 }, page => page with { Icon = "image", Position = 2, Permission = Read });
    }

    private static Component Stages(string shape, int height) => new("chart")
    {
        ["label"] = new LocalText("Notes by stage").In("de", "Notizen nach Stand"), ["source"] = "stages", ["shape"] = shape, ["x"] = "stage", ["y"] = new JsonArray("notes"), ["kind"] = "number", ["height"] = height, ["every"] = 10,
    };

    private static JsonObject Column(string field, string english, string german, string kind) => new() { ["field"] = field, ["label"] = new LocalText(english).In("de", german).ToJsonNode(), ["kind"] = kind };

    private static async Task CountAsync(HttpContext context)
    {
        var notes = context.RequestServices.GetRequiredService<IRepository<Note>>();
        var counts = new JsonArray();
        foreach (var stage in Enum.GetValues<Stage>())
        {
            var found = await notes.ListAsync(new ResourceQuery { Filter = new Specification<Note>(n => n.Stage == stage).Filter, Limit = 1, Count = true }, context.RequestAborted);
            counts.Add((JsonNode)new JsonObject { ["stage"] = stage.ToString(), ["notes"] = found.Total ?? 0 });
        }

        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(counts.ToJsonString(), context.RequestAborted);
    }
}

public sealed record Note([property: StringLength(300, MinimumLength = 1)] string Text, Stage Stage = Stage.Open) : Resource;

public enum Stage
{
    Open,
    Begun,
    Done,
}
