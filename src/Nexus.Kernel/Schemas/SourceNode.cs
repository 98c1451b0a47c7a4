using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Kernel.Schemas;

/// <summary>Shape of a value in a JSON or YAML document.</summary>
internal enum SourceKind
{
    Null,
    Boolean,
    Number,
    Text,
    List,
    Map,
}

/// <summary>Where a value was written. Line and column count from 1; line 0 when the source has no lines (a variable, an option).</summary>
internal readonly record struct SourcePosition(string Source, int Line = 0, int Column = 0)
{
    /// <summary>The value came from a secret's file and is masked wherever it is shown.</summary>
    public bool Secret { get; init; }

    public override string ToString() => Line == 0 ? Source : string.Create(CultureInfo.InvariantCulture, $"{Source}:{Line}:{Column}");
}

/// <summary>A named value of a map, with the place of its name.</summary>
internal sealed record SourceMember(string Name, SourcePosition Position, SourceNode Value);

/// <summary>A value that remembers where it was written, so that every error about it can say so. Immutable.</summary>
internal sealed record SourceNode
{
    public required SourceKind Kind { get; init; }

    public required SourcePosition Position { get; init; }

    /// <summary>Text of a scalar as written (<c>true</c>, <c>12.5</c>, the unescaped string); empty otherwise.</summary>
    public string Text { get; init; } = "";

    public ImmutableArray<SourceNode> Elements { get; init; } = [];

    /// <summary>Members in the order written; names are distinct.</summary>
    public ImmutableArray<SourceMember> Members { get; init; } = [];

    public SourceNode? Find(string name)
    {
        foreach (var member in Members)
            if (member.Name == name)
                return member.Value;
        return null;
    }

    public JsonNode? ToJson() => Kind switch
    {
        SourceKind.Null => null,
        SourceKind.Boolean => JsonValue.Create(Text == "true"),
        SourceKind.Number => NumberToJson(),
        SourceKind.Text => JsonValue.Create(Text),
        SourceKind.List => new JsonArray([.. Elements.Select(e => e.ToJson())]),
        _ => new JsonObject(Members.Select(m => KeyValuePair.Create(m.Name, m.Value.ToJson()))),
    };

    /// <summary>Backed by its text where that is JSON, so that a reader may ask for any number type it fits.</summary>
    private JsonNode? NumberToJson()
    {
        try
        {
            return JsonNode.Parse(Text);
        }
        catch (System.Text.Json.JsonException)
        {
            return JsonValue.Create(decimal.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var exact) ? exact : 0m);
        }
    }
}
