using System.Text.Json.Nodes;

namespace Nexus.Gateway.OpenApi;

/// <summary>JSON Schema (2020-12) of fields.</summary>
internal static class SchemaNodes
{
    /// <summary>The record as it is read: the platform's own fields, then the declared ones, without secrets.</summary>
    public static JsonObject Record(ResourceDescriptor resource)
    {
        var properties = new JsonObject
        {
            ["id"] = resource.View is null ? new JsonObject { ["type"] = "string", ["format"] = "uuid", ["readOnly"] = true } : new JsonObject { ["type"] = "string", ["readOnly"] = true },
            ["revision"] = new JsonObject { ["type"] = "integer", ["format"] = "int64", ["readOnly"] = true },
            ["owner"] = new JsonObject { ["type"] = Types("string", "null"), ["readOnly"] = true },
            ["team"] = new JsonObject { ["type"] = Types("string", "null"), ["readOnly"] = true },
            ["createdAt"] = new JsonObject { ["type"] = "string", ["format"] = "date-time", ["readOnly"] = true },
            ["updatedAt"] = new JsonObject { ["type"] = "string", ["format"] = "date-time", ["readOnly"] = true },
        };
        foreach (var field in resource.Fields.Where(f => !f.Secret))
            properties[field.Name] = Field(field);
        return Described(new JsonObject { ["type"] = "object", ["properties"] = properties, ["required"] = new JsonArray("id", "revision") }, resource.Description);
    }

    /// <summary>The record as it is sent: what a caller may set.</summary>
    public static JsonObject Input(ResourceDescriptor resource, bool partial)
    {
        var fields = resource.Fields.Where(f => !f.ReadOnly).ToArray();
        var schema = Group(fields, required: !partial);
        schema["description"] = partial ? $"Fields of {resource.Singular} to change; null removes a value." : $"Fields of {resource.Singular} that a caller sets.";
        return schema;
    }

    /// <summary>Several fields as an object.</summary>
    public static JsonObject Group(IReadOnlyCollection<FieldDescriptor> fields, bool required = true)
    {
        var schema = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(fields.Select(f => KeyValuePair.Create(f.Name, (JsonNode?)Field(f)))) };
        var demanded = fields.Where(f => f.Required && f.Default is null).Select(f => (JsonNode)f.Name).ToArray();
        if (required && demanded.Length > 0)
            schema["required"] = new JsonArray(demanded);
        return schema;
    }

    /// <summary>One field.</summary>
    public static JsonObject Field(FieldDescriptor field)
    {
        var schema = OfKind(field);
        if (field.Nullable && schema["type"] is { } type)
            schema["type"] = Types(type.GetValue<string>(), "null");
        if (field.Nullable && schema["enum"] is JsonArray words)
            words.Add(null);
        Set(schema, "title", field.Label);
        Set(schema, "description", field.Unit is null ? field.Description : $"{field.Description} Unit: {field.Unit}.".TrimStart());
        var list = field.Kind == FieldKind.List;
        Set(schema, list ? "minItems" : "minLength", field.MinLength);
        Set(schema, list ? "maxItems" : "maxLength", field.MaxLength);
        Set(schema, "minimum", field.Minimum);
        Set(schema, "maximum", field.Maximum);
        Set(schema, "pattern", field.Pattern is { } pattern ? $"^(?:{pattern})$" : null);
        if (field.ReadOnly)
            schema["readOnly"] = true;
        if (field.Secret)
            schema["writeOnly"] = true;
        if (field.Default is { } text)
            schema["default"] = JsonNode.Parse(text);
        return schema;
    }

    private static JsonObject OfKind(FieldDescriptor field) => field.Kind switch
    {
        FieldKind.Text or FieldKind.Multiline => Text(null),
        FieldKind.Integer => new JsonObject { ["type"] = "integer", ["format"] = "int64" },
        FieldKind.Decimal => new JsonObject { ["type"] = "number", ["format"] = "decimal" },
        FieldKind.Real => new JsonObject { ["type"] = "number", ["format"] = "double" },
        FieldKind.Boolean => new JsonObject { ["type"] = "boolean" },
        FieldKind.Date => Text("date"),
        FieldKind.Time => Text("time"),
        FieldKind.Instant => Text("date-time"),
        FieldKind.Duration => Text("duration"),
        FieldKind.Choice => new JsonObject { ["type"] = "string", ["enum"] = new JsonArray([.. field.Choices.Select(c => (JsonNode)c)]) },
        FieldKind.Identifier => Text("uuid"),
        FieldKind.Reference => Described(Text("uuid"), $"Id of a record of {field.Target}."),
        FieldKind.Money => new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["amount"] = new JsonObject { ["type"] = "string", ["pattern"] = @"^-?\d+(\.\d+)?$", ["examples"] = new JsonArray("12.30") },
                ["currency"] = new JsonObject { ["type"] = "string", ["pattern"] = "^[A-Z0-9]{1,12}$", ["examples"] = new JsonArray("EUR") },
            },
            ["required"] = new JsonArray("amount", "currency"),
        },
        FieldKind.List => new JsonObject { ["type"] = "array", ["items"] = field.Element is { } element ? Field(element) : new JsonObject() },
        FieldKind.Group => Group(field.Fields),
        FieldKind.Map => new JsonObject { ["type"] = "object", ["additionalProperties"] = field.Element is { } entry ? Field(entry) : new JsonObject() },
        _ => [],
    };

    private static JsonObject Text(string? format)
    {
        var schema = new JsonObject { ["type"] = "string" };
        Set(schema, "format", format);
        return schema;
    }

    private static JsonObject Described(JsonObject schema, string? description)
    {
        Set(schema, "description", description);
        return schema;
    }

    private static JsonArray Types(params string[] names) => new([.. names.Select(n => (JsonNode)n)]);

    private static void Set<T>(JsonObject schema, string name, T? value)
    {
        if (value is not null)
            schema[name] = JsonValue.Create(value);
    }
}
