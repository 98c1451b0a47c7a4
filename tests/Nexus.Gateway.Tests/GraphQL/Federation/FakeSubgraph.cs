using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.GraphQL;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Http;
using Nexus.Gateway.GraphQL.Resources;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.Tests.GraphQL.Oracle;

namespace Nexus.Gateway.Tests.GraphQL.Federation;

/// <summary>A subgraph on a socket: its schema from text, its fields from JSON by the names of their types, entities by their keys. What it is asked it checks against its own schema, and notes.</summary>
internal sealed class FakeSubgraph : IAsyncDisposable
{
    private readonly string data;
    private readonly WebApplication app;

    private FakeSubgraph(WebApplication app, string text, string data) => (this.app, Text, this.data) = (app, text, data);

    /// <summary>The schema that it tells.</summary>
    public string Text { get; set; }

    public string Url { get; private set; } = "";

    /// <summary>What it was asked, questions for its schema aside.</summary>
    public List<(string Query, string Variables, Dictionary<string, string> Headers)> Asked { get; } = [];

    public string[] Queries => [.. Asked.Select(one => one.Query)];

    /// <summary>Answers in its place; false lets it answer itself.</summary>
    public Func<HttpContext, string, Task<bool>>? Instead { get; set; }

    /// <summary>It breaks every connection. A listener that ends and comes back could find its port taken by then.</summary>
    public bool IsDown { get; set; }

    public static async Task<FakeSubgraph> StartAsync(string text, string data = "{}")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var subgraph = new FakeSubgraph(app, text, data);
        app.MapPost("/graphql", subgraph.AnswerAsync);
        await app.StartAsync();
        subgraph.Url = app.Urls.First() + "/graphql";
        return subgraph;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        if (IsDown)
        {
            context.Abort();
            return;
        }
        var request = (await JsonNode.ParseAsync(context.Request.Body))!;
        var query = (string)request["query"]!;
        context.Response.ContentType = "application/json";
        if (query == "{ _service { sdl } }")
        {
            await context.Response.WriteAsync(new JsonObject { ["data"] = new JsonObject { ["_service"] = new JsonObject { ["sdl"] = Text } } }.ToJsonString());
            return;
        }
        lock (Asked)
            Asked.Add((query, request["variables"]?.ToJsonString() ?? "", context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase)));
        if (Instead is { } other && await other(context, query))
            return;
        await context.Response.Body.WriteAsync(GraphQLAnswer.Write(await ExecuteAsync(query, JsonSerializer.SerializeToElement(request["variables"]))));
    }

    private async Task<OperationResult> ExecuteAsync(string query, JsonElement given)
    {
        var schema = SdlSchema.Build(WithEntities(), new Dictionary<string, Resolver> { ["Query._entities"] = (_, arguments, _) => Find((object?[])arguments["representations"]!) });
        var document = CheckedDocument.Check(schema, query, new GraphQLOptions());
        if (document.Errors.Count > 0)
            return new OperationResult(null, document.Errors) { IsRefused = true };
        var operation = document.Choose(null);
        var (variables, errors) = VariableValues.Coerce(schema, document.Document!, operation, given, Nexus.Gateway.GraphQL.Validation.Suggestions.None);
        if (errors.Count > 0)
            return new OperationResult(null, errors) { IsRefused = true };
        var run = new OperationRun(schema, document.Document!, operation, variables, document.Fragments);
        return await run.ExecuteAsync(JsonElement.Parse(data).TryGetProperty(operation.Kind.ToString(), out var root) ? root : JsonElement.Parse("{}"));
    }

    private object?[] Find(object?[] representations) => [.. representations.Cast<JsonElement>().Select(one =>
        JsonElement.Parse(data).TryGetProperty(one.GetProperty("__typename").GetString()!, out var all) && all.TryGetProperty((one.TryGetProperty("id", out var id) ? id : one.EnumerateObject().Last().Value).ToString(), out var found)
            ? found.TryGetProperty("$error", out var error) ? Task.FromException<object?>(new GraphException(error.GetString()!) { Code = "PERMISSION_DENIED" }) : (object?)WithSent(found, one)
            : null)];

    /// <summary>A value <c>=a b</c> is what was sent along of these, as JSON.</summary>
    private static JsonElement WithSent(JsonElement found, JsonElement sent) => JsonSerializer.SerializeToElement(found.EnumerateObject().ToDictionary(
        one => one.Name,
        one => one.Value.ValueKind == JsonValueKind.String && one.Value.GetString() is ['=', .. var names] ? JsonSerializer.SerializeToElement(string.Join(' ', names.Split(' ').Select(name => sent.TryGetProperty(name, out var value) ? value.GetRawText() : "not sent"))) : one.Value));

    private string WithEntities()
    {
        var entities = Nexus.Gateway.GraphQL.Language.Parser.Parse(Text).Definitions.OfType<Nexus.Gateway.GraphQL.Language.TypeDefinition>()
            .Where(type => type.Parts.Directives.Any(directive => directive.Name.Text == "key")).Select(type => type.Name.Text).ToArray();
        if (entities.Length == 0)
            return Text;
        const string Field = "_entities(representations: [_Any!]!): [_Entity]! ";
        var text = Text.Contains("type Query {", StringComparison.Ordinal) ? Text.Replace("type Query {", "type Query { " + Field, StringComparison.Ordinal) : $"{Text} type Query {{ {Field} }}";
        return $"{text} scalar _Any union _Entity = {string.Join(" | ", entities)}";
    }
}
