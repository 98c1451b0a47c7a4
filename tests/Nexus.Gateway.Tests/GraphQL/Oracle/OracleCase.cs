using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Http;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.GraphQL.Validation;

namespace Nexus.Gateway.Tests.GraphQL.Oracle;

/// <summary>One document with its variables.</summary>
internal sealed record OracleCase(string Source, string Variables = "{}", string? OperationName = null)
{
    public static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(OracleCase).Assembly.GetManifestResourceStream("oracle/" + name)!);
        return reader.ReadToEnd();
    }

    public string Request => JsonSerializer.Serialize(new { source = Source, variables = JsonNode.Parse(Variables), operationName = OperationName });

    /// <summary>What we make of it, in the oracle's form.</summary>
    public async Task<JsonObject> AnswerAsync(Schema schema, JsonElement root)
    {
        DocumentNode document;
        try
        {
            document = Parser.Parse(Source);
        }
        catch (SyntaxException exception)
        {
            return new JsonObject { ["syntax"] = Tell(new GraphError(exception.Message, [exception.Location])) };
        }
        var invalid = Validator.Validate(schema, document, Suggestions.Told);
        if (invalid.Count > 0)
            return new JsonObject { ["invalid"] = new JsonArray([.. invalid.Select(Tell)]) };
        var operations = document.Definitions.OfType<OperationDefinition>().ToArray();
        if (operations.Any(o => o.Kind == OperationKind.Subscription))
            return new JsonObject { ["valid"] = true };
        return await ExecuteAsync(schema, document, operations, root);
    }

    private async Task<JsonObject> ExecuteAsync(Schema schema, DocumentNode document, OperationDefinition[] operations, JsonElement root)
    {
        if (OperationName is null && operations.Length > 1)
            return Failed("Must provide operation name if query contains multiple operations.");
        var operation = OperationName is null ? operations.FirstOrDefault() : operations.FirstOrDefault(o => o.Name?.Text == OperationName);
        if (operation is null)
            return Failed(OperationName is null ? "Must provide an operation." : $"Unknown operation named \"{OperationName}\".");
        var (variables, errors) = VariableValues.Coerce(schema, document, operation, JsonElement.Parse(Variables), Suggestions.Told);
        if (errors.Count > 0)
            return new JsonObject { ["errors"] = new JsonArray([.. errors.Select(Tell)]) };
        var fragments = document.Definitions.OfType<FragmentDefinition>().ToDictionary(f => f.Name.Text);
        var result = await new OperationRun(schema, document, operation, variables, fragments).ExecuteAsync(root);
        var answer = JsonNode.Parse(GraphQLAnswer.Write(result with { Errors = [] }).Span)!;
        return new JsonObject { ["data"] = answer["data"]?.DeepClone(), ["errors"] = new JsonArray([.. result.Errors.Select(Tell)]) };
    }

    private static JsonObject Failed(string message) => new() { ["errors"] = new JsonArray(Tell(new GraphError(message, []))) };

    private static JsonObject Tell(GraphError error) => new()
    {
        ["message"] = error.Message,
        ["locations"] = error.Locations.Count == 0 ? null : new JsonArray([.. error.Locations.Select(l => new JsonObject { ["line"] = l.Line, ["column"] = l.Column })]),
        ["path"] = error.Path is null ? null : new JsonArray([.. error.Path.Select(p => p is int i ? (JsonNode)i : (string)p)]),
    };

    /// <summary>A form in which answers that mean the same are equal: errors in a fixed order, numbers by their value; the order of fields stays.</summary>
    public static string Normal(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject fields => "{" + string.Join(",", fields.Select(f => $"{f.Key}:{(f.Key is "errors" or "invalid" && f.Value is JsonArray list ? "[" + string.Join(",", list.Select(Normal).Order(StringComparer.Ordinal)) + "]" : Normal(f.Value))}")) + "}",
        JsonArray list => "[" + string.Join(",", list.Select(Normal)) + "]",
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture),
        _ => node.GetValueKind() == JsonValueKind.String ? JsonSerializer.Serialize((string)node!) : node.ToJsonString(),
    };
}
