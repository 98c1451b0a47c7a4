using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Federation;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Resources;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>
/// <c>/graphql</c> by the GraphQL-over-HTTP specification. POST takes JSON only, which no other site's page can send without being asked for its origin;
/// GET answers queries only, which change nothing. Every field asks the policy point itself, so the route is open to anybody.
/// </summary>
internal sealed class GraphQLRoutes(OperationGate gate, RequestBody bodies, GraphQLSockets sockets, OpenCallers callers, IOptionsMonitor<GraphQLOptions> options) : IPlatformRoutes
{
    /// <summary>The media type of answers whose status says whether the request was executed.</summary>
    public const string ResponseType = "application/graphql-response+json";

    private const string EventStream = "text/event-stream";
    private const int MaxCoordinate = 1000;
    private static readonly Answer Response = Answer.Written("GraphQLResponse", """{"type":"object","properties":{"data":{"type":["object","null"],"additionalProperties":true},"errors":{"type":"array","items":{"type":"object","required":["message"],"properties":{"message":{"type":"string"},"locations":{"type":"array","items":{"type":"object","required":["line","column"],"properties":{"line":{"type":"integer"},"column":{"type":"integer"}}}},"path":{"type":"array"},"extensions":{"type":"object","additionalProperties":true}}}},"extensions":{"type":"object","additionalProperties":true}}}""") with { Types = [ResponseType, "application/json"] };

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes
    {
        get
        {
            var settings = options.CurrentValue;
            if (!settings.Enabled)
                yield break;
            yield return new("GET", settings.Path, "queryGraphQL", "A GraphQL query by its query string; for browsers the way to the page for trying; a WebSocket by graphql-transport-ws", PlatformRoute.Anyone, GetAsync) { Query = [("query", "the document"), ("variables", "a JSON object"), ("operationName", "which of its operations"), ("documentId", "id of a trusted document, in place of the query")], Answer = Response };
            yield return new("POST", settings.Path, "executeGraphQL", "A GraphQL operation; subscriptions answer as text/event-stream", PlatformRoute.Anyone, PostAsync) { Input = """{"type":"object","properties":{"query":{"type":"string"},"variables":{"type":["object","null"]},"operationName":{"type":["string","null"]},"documentId":{"type":"string"},"extensions":{"type":["object","null"]}}}""", Answer = Response };
            yield return new("GET", settings.Path + "/schema.graphql", "getGraphQLSchema", "The schema in the schema definition language, or the part of it at a schema coordinate", PlatformRoute.Anyone, SchemaAsync) { Hidden = true, Query = [("coordinate", "such as Query.ordersOrders(first:)")] };
            foreach (var route in settings.Explorer ? ExplorerPage.Routes(settings.Path) : [])
                yield return route;
        }
    }

    private async Task GetAsync(HttpContext context)
    {
        if (context.WebSockets.IsWebSocketRequest)
            await sockets.ServeAsync(context);
        else if (options.CurrentValue.Explorer && context.Request.Query.Count == 0 && Prefers(context, "text/html"))
            context.Response.Redirect($"{context.Request.PathBase}{context.Request.Path}/explorer");
        else
            await AnswerAsync(context, GraphQLRequest.Read(context.Request.Query), null);
    }

    private async Task SchemaAsync(HttpContext context)
    {
        if (!options.CurrentValue.Introspection)
            throw new NexusException(ErrorCodes.PermissionDenied, "Introspection is off on this node.");
        var schema = await gate.SchemaAsync(context.RequestAborted);
        var text = context.Request.Query["coordinate"] is [{ Length: > 0 and <= MaxCoordinate } coordinate] ? Part(schema, coordinate) : SchemaPrinter.Print(schema);
        await JsonAnswer.SendBytesAsync(context, Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8");
    }

    private static string Part(Schema schema, string text)
    {
        try
        {
            var coordinate = SchemaCoordinate.Parse(text);
            return coordinate.FindIn(schema) is { } part ? SchemaPrinter.PrintPart(part) : throw new NexusException(ErrorCodes.ResourceNotFound, $"The schema has no {coordinate}.");
        }
        catch (SyntaxException exception)
        {
            throw new NexusException(ErrorCodes.BadRequest, $"{exception.Message} A schema coordinate is Type, Type.member, Type.field(argument:), @directive or @directive(argument:).");
        }
        catch (GraphException exception)
        {
            throw new NexusException(ErrorCodes.ResourceNotFound, exception.Message);
        }
    }

    private async Task PostAsync(HttpContext context)
    {
        var body = await bodies.ReadLongTextAsync(context, GatewayRequest.Of(context), options.CurrentValue.Length);
        if (body.IsEmpty)
            throw new NexusException(ErrorCodes.BadRequest, "The body is a JSON object with `query`.");
        var key = IdempotencyKeys.Of(context.Request) is { } given ? new IdempotentRequest(given, IdempotencyKeys.Fingerprint(context.Request, body.Span)) : null;
        await AnswerAsync(context, GraphQLRequest.Read(JsonElement.Parse(body.Span)), key);
    }

    private async Task AnswerAsync(HttpContext context, GraphQLRequest request, IdempotentRequest? key)
    {
        var mediaType = MediaType(context) ?? throw new NexusException(ErrorCodes.NotAcceptable, $"The answer can be {ResponseType}, application/json or {EventStream}.");
        var caller = GatewayRequest.Of(context);
        if (caller.SignedIn is { MustChangePassword: true })
            throw new NexusException(ErrorCodes.PasswordChangeRequired, "The password must be changed first; until then nothing else is served to this caller.");
        var call = new SurfaceCall(caller.Context) { Idempotency = key, Headers = gate.IsComposed ? PassedHeaders.Of(context) : PassedHeaders.None };
        var onlyQueries = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        if (onlyQueries)
            context.Response.Headers.Allow = "POST";
        var result = await gate.AnswerAsync(request, call, onlyQueries, context.RequestAborted);
        context.Response.Headers.Allow = default;
        if (mediaType == EventStream)
            await new EventStreamAnswer(gate, callers, context).SendAsync(result, request, call);
        else
            await SendAsync(context, result ?? new OperationResult(null, [new GraphError($"Subscriptions answer as {EventStream} or over a WebSocket.", [])]) { IsRefused = true }, mediaType);
    }

    private static Task SendAsync(HttpContext context, OperationResult result, string mediaType)
    {
        context.Response.StatusCode = result.IsRefused && mediaType == ResponseType ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.Vary = "Accept";
        return JsonAnswer.SendBytesAsync(context, GraphQLAnswer.Write(result), mediaType + "; charset=utf-8");
    }

    /// <summary>The first type of those that the caller accepts that can be given; null when there is none.</summary>
    private static string? MediaType(HttpContext context)
    {
        var accept = context.Request.GetTypedHeaders().Accept;
        if (accept.Count == 0)
            return "application/json";
        foreach (var type in accept.Where(type => type.Quality is not 0).OrderByDescending(type => type.Quality ?? 1))
        {
            // By their whole names: the framework takes application/json for any type that ends in +json.
            if (type.MediaType.Equals(ResponseType, StringComparison.OrdinalIgnoreCase))
                return ResponseType;
            if (type.MatchesAllTypes || type.MediaType.Value is "application/json" or "application/*")
                return "application/json";
            if (type.MediaType.Equals(EventStream, StringComparison.OrdinalIgnoreCase))
                return EventStream;
        }
        return null;
    }

    private static bool Prefers(HttpContext context, string mediaType) =>
        context.Request.GetTypedHeaders().Accept.Any(type => !type.MatchesAllTypes && type.MatchesMediaType(mediaType));
}
