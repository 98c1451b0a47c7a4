using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Event streams over HTTP. Programs outside append to streams of the platform; those of plugins can be read, and are written by their plugins only, whose rules they are built on.</summary>
internal sealed class EventStreamRoutes(IServiceProvider host, RequestBody bodies, EventSight sight) : IPlatformRoutes
{
    private const string Root = "/api/v1/events/streams";
    private const string Own = "nexus";
    private static readonly (string, string)[] Paging = [("from", "first version to return; backward the last"), ("backward", "newest first"), ("limit", "1 to 1000")];

    private static readonly Answer Form = Answer.Written("EventStreamView", """{"type":"object","required":["stream","version","events"],"properties":{"stream":{"type":"string"},"version":{"type":"integer","format":"int64"},"events":{"type":"array","items":{"$ref":"#/components/schemas/EventView"}}}}""");

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root + "/{stream}", "readEventStream", "Events of a stream in order", "platform.events:read", context => ReadAsync(context, Own)) { Query = Paging, Answer = Form },
        new("POST", Root + "/{stream}", "appendToEventStream", "Append events to a stream, if it has the expected version", "platform.events:create", AppendAsync)
        {
            Success = 201,
            Input = """{"type":"object","required":["events"],"properties":{"expectedVersion":{"type":"integer","minimum":0},"events":{"type":"array","minItems":1,"maxItems":1000,"items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}}}}""",
            Answer = Answer.Of<StreamAppended>(),
        },
        new("GET", Root + "/{plugin}/{stream}", "readPluginEventStream", "Events of a plugin's stream in order", "platform.events:read", context => ReadAsync(context, Value(context, "plugin"))) { Query = Paging, Answer = Form },
    ];

    private IEventStreamOwners Streams => host.GetService<IEventStreamOwners>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host keeps no event streams.");

    private static string Value(HttpContext context, string name) => (string?)context.Request.RouteValues[name] ?? "";

    private async Task AppendAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        var asked = EventJson.Read<EventsRequest>(await bodies.ReadJsonAsync(context, request));
        var messages = EventRequest.ToMessages(asked?.Events, request);
        var version = await Streams.Of(Own).AppendAsync(Value(context, "stream"), messages, asked!.ExpectedVersion, CancellationToken.None);
        context.Response.Headers.ETag = $"\"{version}\"";
        await JsonAnswer.SendAsync(context, new StreamAppended(Value(context, "stream"), version, [.. messages.Select(m => m.Id)]), StatusCodes.Status201Created);
    }

    private async Task ReadAsync(HttpContext context, string owner)
    {
        var stream = Value(context, "stream");
        var query = context.Request.Query;
        var page = await Streams.Of(owner).ReadAsync(
            new StreamQuery(stream) { From = Number(context, "from"), Backward = query["backward"] is ["" or "true" or "1"], Limit = (int)Math.Min(Number(context, "limit") ?? 100, 1000) },
            context.RequestAborted);
        var shown = await sight.ShowAsync([.. page.Events.Select(e => e.Message)], GatewayRequest.Of(context).Context, context.RequestAborted);
        context.Response.Headers.ETag = $"\"{page.Version}\"";
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("stream", stream);
            json.WriteNumber("version", page.Version);
            json.WriteStartArray("events");
            for (var i = 0; i < shown.Length; i++)
                EventJson.Write(json, shown[i], null, null, page.Events[i].Version);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static long? Number(HttpContext context, string name)
    {
        if (context.Request.Query[name].FirstOrDefault() is not { Length: > 0 } text)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new NexusException(ErrorCodes.BadRequest, $"{name} must be a whole number.");
    }
}

/// <summary>Events that were appended to a stream, and the stream's version now.</summary>
internal sealed record StreamAppended(string Stream, long Version, ImmutableArray<Guid> Ids);
