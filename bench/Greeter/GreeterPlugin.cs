using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Nexus;

namespace Greeter;

public sealed class GreeterPlugin : IPlugin
{
    private static readonly byte[] Chunk = [.. Enumerable.Repeat((byte)'x', 4096)];

    public void Configure(IPluginBuilder plugin)
    {
        plugin.MapEndpoints(routes =>
        {
            routes.MapGet("/hello/{name}", (string name) => $"Hello, {name}!");
            routes.MapGet("/stream", StreamAsync);
            routes.MapGet("/events", EventsAsync);
        });
        plugin.AddResource<Note>("notes");
    }

    // A body that takes about a third of a second to send: a swap happens in the middle of it.
    private static async Task StreamAsync(HttpContext context)
    {
        context.Response.ContentLength = Chunk.Length * 32;
        for (var i = 0; i < 32; i++)
        {
            await context.Response.Body.WriteAsync(Chunk, context.RequestAborted);
            await Task.Delay(10, context.RequestAborted);
        }
    }

    // Ends by itself when the generation stops: an open stream is no reason to keep old code.
    private static async Task EventsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        try
        {
            while (true)
            {
                await context.Response.WriteAsync("data: tick\n\n", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                await Task.Delay(50, context.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            // The client left or the generation stops: both end the stream.
        }
    }
}

public sealed record Note([property: StringLength(200, MinimumLength = 1)] string Text, int Number = 0) : Resource;
