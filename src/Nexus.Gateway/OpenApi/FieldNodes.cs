using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Nexus.Gateway.OpenApi;

/// <summary>Fields as they were declared, kind by kind: what a schema does not tell (several lines, a reference's target, a label) and a form needs. What is not set is left out.</summary>
internal static class FieldNodes
{
    /// <summary>JSON Schema of one.</summary>
    public const string Form = """
        {"title":"FieldView","type":"object","required":["name","kind"],"properties":{"name":{"type":"string"},"kind":{"type":"string","enum":["Text","Multiline","Integer","Decimal","Real","Boolean","Date","Time","Instant","Duration","Choice","Identifier","Reference","Money","List","Group","Map","Json"]},
          "required":{"type":"boolean"},"nullable":{"type":"boolean"},"readOnly":{"type":"boolean"},"secret":{"type":"boolean"},"personal":{"type":"boolean"},"label":{"type":"string"},"description":{"type":"string"},"unit":{"type":"string"},
          "minLength":{"type":"integer"},"maxLength":{"type":"integer"},"minimum":{"type":"number"},"maximum":{"type":"number"},"pattern":{"type":"string"},"target":{"type":"string"},"default":{},"choices":{"type":"array","items":{"type":"string"}},
          "element":{"$ref":"#/components/schemas/FieldView"},"fields":{"type":"array","items":{"$ref":"#/components/schemas/FieldView"}}}}
        """;

    /// <summary>Several fields, in their order.</summary>
    public static JsonArray All(ImmutableArray<FieldDescriptor> fields) => fields.IsDefaultOrEmpty ? [] : new JsonArray([.. fields.Select(f => (JsonNode)One(f))]);

    private static JsonObject One(FieldDescriptor field)
    {
        var node = new JsonObject { ["name"] = field.Name, ["kind"] = field.Kind.ToString() };
        foreach (var (name, holds) in new[] { ("required", field.Required && field.Default is null), ("nullable", field.Nullable), ("readOnly", field.ReadOnly), ("secret", field.Secret), ("personal", field.Personal) })
        {
            if (holds)
                node[name] = true;
        }

        foreach (var (name, value) in new (string, JsonNode?)[]
        {
            ("label", field.Label), ("description", field.Description), ("unit", field.Unit), ("minLength", field.MinLength), ("maxLength", field.MaxLength), ("minimum", field.Minimum), ("maximum", field.Maximum),
            ("pattern", field.Pattern), ("target", field.Target), ("default", field.Default is { } text ? JsonNode.Parse(text) : null), ("element", field.Element is { } element ? One(element) : null),
            ("choices", field.Choices.IsDefaultOrEmpty ? null : new JsonArray([.. field.Choices.Select(c => (JsonNode)c)])), ("fields", field.Fields.IsDefaultOrEmpty ? null : All(field.Fields)),
        })
        {
            if (value is not null)
                node[name] = value;
        }

        return node;
    }
}
