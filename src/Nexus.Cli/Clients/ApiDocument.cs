using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Nexus.Cli.Clients;

/// <summary>An OpenAPI 3.1 document as generators and the mock server need it: references resolved, one entry an operation.</summary>
internal sealed partial class ApiDocument
{
    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch"];
    private readonly JsonObject document;

    public ApiDocument(JsonObject document)
    {
        this.document = document;
        Operations = [.. Read()];
    }

    /// <summary>Title of the API.</summary>
    public string Title => (string?)document["info"]?["title"] ?? "API";

    /// <summary>Version of the API.</summary>
    public string Version => (string?)document["info"]?["version"] ?? "";

    /// <summary>The named schemas.</summary>
    public IEnumerable<(string Name, JsonObject Schema)> Schemas =>
        (document["components"]?["schemas"] as JsonObject ?? []).Where(s => s.Value is JsonObject).Select(s => (s.Key, s.Value!.AsObject()));

    /// <summary>The operations, in the order of the document.</summary>
    public IReadOnlyList<ApiOperation> Operations { get; }

    /// <summary>Reads a document.</summary>
    /// <exception cref="CliException">It is none.</exception>
    public static ApiDocument Of(JsonNode? json) => json is JsonObject document && document["paths"] is JsonObject && ((string?)document["openapi"])?.StartsWith('3') == true
        ? new ApiDocument(document)
        : throw new CliException("nexus: this is no OpenAPI 3 document.", ExitCodes.Invalid);

    /// <summary>What a reference stands for, or the node itself.</summary>
    public JsonObject Resolve(JsonNode node)
    {
        var at = node;
        for (var steps = 0; steps < 20 && at is JsonObject found && (string?)found["$ref"] is { } reference; steps++)
            at = reference.TrimStart('#', '/').Split('/').Aggregate((JsonNode?)document, (inner, part) => inner?[part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)]);
        return at as JsonObject ?? [];
    }

    /// <summary>The one form of a schema that is that form or null; else the schema itself.</summary>
    public static JsonObject OneForm(JsonObject schema) =>
        schema["oneOf"] is JsonArray forms && forms.OfType<JsonObject>().Where(form => !IsNull(form)).ToArray() is [var only] ? only : schema;

    /// <summary>Whether null is one of the values of a schema.</summary>
    public static bool CanBeNull(JsonObject schema) =>
        (schema["type"] is JsonArray kinds && kinds.Any(kind => (string?)kind == "null")) || (schema["oneOf"] is JsonArray forms && forms.OfType<JsonObject>().Any(IsNull));

    private static bool IsNull(JsonObject schema) => schema["type"] is JsonValue kind && (string?)kind == "null";

    /// <summary>The words of a text as one name in PascalCase; never a digit first.</summary>
    public static string Pascal(string text)
    {
        var name = string.Concat(Word().Matches(text).Select(word => char.ToUpperInvariant(word.Value[0]) + word.Value[1..]));
        return name.Length == 0 || char.IsAsciiDigit(name[0]) ? "N" + name : name;
    }

    private IEnumerable<ApiOperation> Read()
    {
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            foreach (var method in Methods)
            {
                if (item?[method] is not JsonObject operation) continue;
                yield return new ApiOperation((string?)operation["operationId"] ?? method + path, method.ToUpperInvariant(), path)
                {
                    Summary = (string?)operation["summary"] ?? "",
                    IsDeprecated = (bool?)operation["deprecated"] ?? false,
                    Parameters = [.. (operation["parameters"] as JsonArray ?? []).OfType<JsonNode>().Select(Resolve).Select(Parameter)],
                    Body = operation["requestBody"] is { } body ? Content(Resolve(body)) is { } sent ? sent with { IsRequired = (bool?)Resolve(body)["required"] ?? false } : null : null,
                    Answer = Success(operation["responses"] as JsonObject ?? []),
                };
            }
        }
    }

    private static ApiParameter Parameter(JsonObject parameter) =>
        new((string)parameter["name"]!, (string)parameter["in"]!, (string?)parameter["in"] == "path" || ((bool?)parameter["required"] ?? false), parameter["schema"] as JsonObject ?? [], (string?)parameter["description"]);

    private ApiAnswer Success(JsonObject responses)
    {
        var (status, response) = responses.Where(one => one.Key.StartsWith('2')).OrderBy(one => one.Key, StringComparer.Ordinal).FirstOrDefault();
        var resolved = response is null ? [] : Resolve(response);
        return new ApiAnswer(int.TryParse(status, out var number) ? number : 200, Content(resolved), resolved["headers"] is JsonObject headers && headers.ContainsKey("Link"));
    }

    private static ApiContent? Content(JsonObject holder)
    {
        if (holder["content"] is not JsonObject { Count: > 0 } content) return null;
        var (type, media) = content.FirstOrDefault(one => one.Key.Contains("json", StringComparison.Ordinal)) is { Key: not null } json ? json : content.First();
        return new ApiContent(type, media?["schema"] as JsonObject ?? [], media?["example"]);
    }

    [GeneratedRegex("[A-Za-z0-9]+")]
    private static partial Regex Word();
}

/// <summary>One operation.</summary>
internal sealed record ApiOperation(string Id, string Method, string Path)
{
    /// <summary>One sentence for people.</summary>
    public string Summary { get; init; } = "";

    /// <summary>It will go away.</summary>
    public bool IsDeprecated { get; init; }

    /// <summary>Parameters of path, query and headers.</summary>
    public IReadOnlyList<ApiParameter> Parameters { get; init; } = [];

    /// <summary>What is sent, or null.</summary>
    public ApiContent? Body { get; init; }

    /// <summary>What success answers.</summary>
    public ApiAnswer Answer { get; init; } = new(200, null, false);

    /// <summary>It goes on for ever; generated clients leave it to a reader of streams.</summary>
    public bool IsStream => Answer.Content?.Type == "text/event-stream";
}

/// <summary>A parameter.</summary>
internal sealed record ApiParameter(string Name, string In, bool IsRequired, JsonObject Schema, string? Description);

/// <summary>A body.</summary>
internal sealed record ApiContent(string Type, JsonObject Schema, JsonNode? Example)
{
    /// <summary>It must be sent.</summary>
    public bool IsRequired { get; init; }

    /// <summary>It is JSON.</summary>
    public bool IsJson => Type.Split(';')[0] is var type && (type == "application/json" || type.EndsWith("+json", StringComparison.Ordinal));
}

/// <summary>The answer of success.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Content">Its body, or null.</param>
/// <param name="IsPaged">It is one page of several.</param>
internal sealed record ApiAnswer(int Status, ApiContent? Content, bool IsPaged);
