using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Nexus.Data.Search;

/// <summary>What of a table is searched.</summary>
/// <param name="Fields">Paths; the first ones weigh more.</param>
/// <param name="Language">Language of the texts, or null.</param>
internal sealed record SearchFields(ImmutableArray<string> Fields, string? Language)
{
    // A form of the index that an older version made is made again.
    private const int Form = 2;
    private static readonly double[] Weights = [1, 0.4, 0.2, 0.1];

    public static SearchFields None { get; } = new([], null);

    public bool IsEmpty => Fields.IsEmpty;

    public static SearchFields Of(ResourceDescriptor resource) => resource.Search.IsDefaultOrEmpty ? None : new(resource.Search, resource.SearchLanguage);

    /// <summary>How much a word in a field weighs, by the field's place.</summary>
    public static double WeightOf(int field) => Weights[Math.Min(field, Weights.Length - 1)];

    public static SearchFields Read(string json) => JsonNode.Parse(json) switch
    {
        JsonArray old => new([.. old.Select(f => (string)f!)], null),
        { } node => new([.. node["fields"]!.AsArray().Select(f => (string)f!)], (string?)node["language"]),
        null => None,
    };

    /// <summary>A text that changes when the index must be made again.</summary>
    public string ToJson() => IsEmpty ? "[]" : new JsonObject { ["form"] = Form, ["language"] = Language, ["fields"] = new JsonArray([.. Fields.Select(f => (JsonNode?)f)]) }.ToJsonString();
}
