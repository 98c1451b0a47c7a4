using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Nexus.Gateway.OpenApi;

/// <summary>What a platform route answers when it succeeds.</summary>
internal sealed record Answer
{
    private readonly Func<AnswerSchemas, JsonNode> schema;

    private Answer(Func<AnswerSchemas, JsonNode> schema) => this.schema = schema;

    /// <summary>Any JSON: what a caller, a plugin or a task put there.</summary>
    public static Answer AnyJson { get; } = new(_ => new JsonObject());

    /// <summary>Media types; JSON when nothing else is said.</summary>
    public ImmutableArray<string> Types { get; init; } = ["application/json"];

    /// <summary>Other statuses of success with the same answer.</summary>
    public ImmutableArray<int> AlsoAt { get; init; } = [];

    /// <summary>JSON that is written from values of a type, which is a named schema where it is a record.</summary>
    public static Answer Of<T>() => new(schemas => schemas.Of(typeof(T)));

    /// <summary>JSON that is written by hand, as a named schema.</summary>
    public static Answer Written(string name, string schema) => new(schemas => schemas.Named(name, schema));

    /// <summary>JSON by a schema without a name.</summary>
    public static Answer Inline(string schema) => new(_ => JsonNode.Parse(schema)!);

    /// <summary>Text or bytes of the types named.</summary>
    public static Answer Plain(params ImmutableArray<string> types) => new(_ => new JsonObject { ["type"] = "string" }) { Types = types };

    /// <summary>A list of these.</summary>
    public Answer Many() => new(schemas => new JsonObject { ["type"] = "array", ["items"] = schema(schemas) });

    /// <summary>One of two forms, by what was asked for.</summary>
    public Answer Or(Answer other) => new(schemas => new JsonObject { ["oneOf"] = new JsonArray(schema(schemas), other.schema(schemas)) });

    /// <summary>The <c>content</c> of the answer; named schemas are added where they are kept.</summary>
    public JsonObject Content(AnswerSchemas schemas) => new(Types.Select(type => KeyValuePair.Create(type, (JsonNode?)new JsonObject { ["schema"] = type.Contains("json", StringComparison.Ordinal) ? schema(schemas) : new JsonObject { ["type"] = "string" } })));
}
