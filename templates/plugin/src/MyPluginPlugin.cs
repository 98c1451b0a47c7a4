using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Nexus;

namespace MyPlugin;

public sealed class MyPluginPlugin : IPlugin
{
    public void Configure(IPluginBuilder plugin)
    {
        plugin.MapEndpoints(routes => routes.MapGet("/hello/{name}", (string name) => $"Hello, {name}!"));
        plugin.AddResource<Note>("notes", notes => notes.Search(n => n.Text));
    }
}

/// <summary>A note: ten REST routes, OpenAPI, validation and events come from this declaration.</summary>
public sealed record Note([property: StringLength(200, MinimumLength = 1)] string Text, bool Done = false) : Resource;
