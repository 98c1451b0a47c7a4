using Nexus;

// A page and the data behind it: the page is at /api/custom/site/, the notes at /api/custom/site/notes.
return await NexusApp.Create("my-app", "0.1.0")
    .Add("site", plugin =>
    {
        plugin.AddResource<Note>("notes", _ => { });
        plugin.MapEndpoints(routes => routes.MapGet("/", () => Results.Content(Page.Html, "text/html; charset=utf-8")).AllowAnonymous());
    })
    .RunAsync(args);

public sealed record Note(string Text) : Resource;

internal static class Page
{
    public const string Html = """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <title>my-app</title>
        <h1>my-app</h1>
        <form method="post" action="notes"><label>Note <input name="text" required></label> <button>Keep</button></form>
        </html>
        """;
}
