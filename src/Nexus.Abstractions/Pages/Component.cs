using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus;

/// <summary>
/// One part of a page, as data: the console draws it with its own components. <see cref="ComponentCatalogue"/> has every type with its properties.
/// <code>new Component("card", new Component("metric") { ["label"] = "Open orders", ["source"] = "orders?count=true&amp;limit=1", ["from"] = "$count" }) { ["title"] = "Orders" }</code>
/// </summary>
/// <param name="type">Such as <c>table</c>.</param>
/// <param name="parts">Parts inside of it, in order.</param>
public sealed class Component(string type, params ImmutableArray<Component> parts)
{
    private readonly JsonObject properties = [];

    /// <summary>Its type.</summary>
    public string Type { get; } = type;

    /// <summary>Parts inside of it, in order.</summary>
    public ImmutableArray<Component> Parts { get; } = parts.IsDefault ? [] : parts;

    /// <summary>A property; null takes it away. Texts for people may be a <see cref="LocalText"/>.</summary>
    public JsonNode? this[string property]
    {
        get => properties[property];
        set => properties[property] = value;
    }

    /// <summary>The one JSON form: <c>type</c>, the properties, and <c>parts</c> when there are any.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["type"] = Type };
        foreach (var (name, value) in properties)
        {
            if (value is not null)
                json[name] = value.DeepClone();
        }

        if (!Parts.IsEmpty)
            json["parts"] = new JsonArray([.. Parts.Select(p => (JsonNode)p.ToJson())]);
        return json;
    }

    /// <summary>Reads the JSON form.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c> with every error and its pointer.</exception>
    public static Component FromJson(JsonElement json)
    {
        var errors = ComponentCatalogue.Check(json);
        return errors.IsEmpty ? Read(json) : throw new NexusException(ErrorCodes.ValidationError, errors[0].Message) { Errors = errors };
    }

    private static Component Read(JsonElement json)
    {
        var component = new Component(json.GetProperty("type").GetString()!, json.TryGetProperty("parts", out var parts) ? [.. parts.EnumerateArray().Select(Read)] : []);
        foreach (var property in json.EnumerateObject().Where(p => p.Name is not ("type" or "parts")))
            component[property.Name] = JsonNode.Parse(property.Value.GetRawText());
        return component;
    }
}
