using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus;

/// <summary>What kind of value a property of a component has.</summary>
public enum ComponentValue
{
    /// <summary>A text for people, or an object of it by language.</summary>
    Text,

    /// <summary>A word that programs read: a name, a pattern, where in an answer a value is (<c>total.amount</c>).</summary>
    Word,

    /// <summary>A number.</summary>
    Number,

    /// <summary>True or false.</summary>
    Flag,

    /// <summary>An address: relative to the plugin's prefix, or below <c>/api/</c>. <c>{name}</c> stands for a word of the page's address.</summary>
    Source,

    /// <summary>An address of the console, such as <c>/r/orders.orders</c>.</summary>
    Page,

    /// <summary>A file in the plugin's folder <c>ui</c>.</summary>
    File,

    /// <summary>A list, of objects or of words.</summary>
    List,

    /// <summary>Any JSON.</summary>
    Any,
}

/// <summary>A property of a type of component.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">What kind of value it has.</param>
/// <param name="Meaning">What it does, for people.</param>
public sealed record ComponentProperty(string Name, ComponentValue Value, string Meaning)
{
    /// <summary>It must be there.</summary>
    public bool Required { get; init; }

    /// <summary>The words that it may be; empty for any.</summary>
    public ImmutableArray<string> Choices { get; init; } = [];
}

/// <summary>A type of component.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Group"><c>layout</c>, <c>form</c>, <c>data</c>, <c>feedback</c>, <c>navigation</c> or <c>own</c>.</param>
/// <param name="Meaning">What it is, for people.</param>
/// <param name="HasParts">Whether there are parts inside of it.</param>
/// <param name="Properties">Its properties.</param>
public sealed record ComponentType(string Name, string Group, string Meaning, bool HasParts, ImmutableArray<ComponentProperty> Properties);

/// <summary>Every type of component there is, and the check that a component is one of them.</summary>
public static partial class ComponentCatalogue
{
    private const int MaxDepth = 12;
    private const int MaxParts = 400;
    private const int MaxText = 4000;
    private const int MaxList = 500;
    private const int MaxErrors = 50;

    /// <summary>Greatest size of one component with all its parts, in characters of JSON.</summary>
    public const int MaxSize = 128 * 1024;

    /// <summary>The type of that name, or null.</summary>
    public static ComponentType? Find(string name) => All.FirstOrDefault(t => t.Name == name);

    /// <summary>Everything that is wrong with a component and its parts, each with its pointer; empty when it can be drawn.</summary>
    public static ImmutableArray<FieldError> Check(JsonElement component)
    {
        var errors = ImmutableArray.CreateBuilder<FieldError>();
        if (component.GetRawText().Length > MaxSize)
            return [new FieldError("", "too_large", $"A component has at most {MaxSize / 1024} KiB of JSON.")];
        var parts = 0;
        Check(component, "", 1, ref parts, errors);
        return [.. errors.Take(MaxErrors)];
    }

    private static void Check(JsonElement component, string pointer, int depth, ref int parts, ImmutableArray<FieldError>.Builder errors)
    {
        if (depth > MaxDepth || ++parts > MaxParts)
        {
            errors.Add(new FieldError(pointer, "too_many", $"A page has at most {MaxParts} parts, {MaxDepth} deep."));
            return;
        }

        if (component.ValueKind != JsonValueKind.Object || !component.TryGetProperty("type", out var named) || named.ValueKind != JsonValueKind.String)
        {
            errors.Add(new FieldError(pointer, "required", "A component is an object with a type."));
            return;
        }

        if (Find(named.GetString()!) is not { } type)
        {
            errors.Add(new FieldError(pointer + "/type", "choice", $"There is no component {named.GetString()}. There are: {string.Join(", ", All.Select(t => t.Name))}."));
            return;
        }

        foreach (var property in component.EnumerateObject().Where(p => p.Name is not ("type" or "parts")))
        {
            if (type.Properties.FirstOrDefault(p => p.Name == property.Name) is not { } known)
                errors.Add(new FieldError($"{pointer}/{property.Name}", "unknown", $"{type.Name} has no {property.Name}. It has: {string.Join(", ", type.Properties.Select(p => p.Name))}."));
            else if (Wrong(known, property.Value) is { } why)
                errors.Add(new FieldError($"{pointer}/{property.Name}", "invalid", $"{property.Name} of {type.Name} {why}"));
        }

        foreach (var missing in type.Properties.Where(p => p.Required && !component.TryGetProperty(p.Name, out _)))
            errors.Add(new FieldError($"{pointer}/{missing.Name}", "required", $"{type.Name} needs {missing.Name}: {missing.Meaning}."));
        if (!component.TryGetProperty("parts", out var inner))
            return;
        if (inner.ValueKind != JsonValueKind.Array || !type.HasParts)
        {
            errors.Add(new FieldError(pointer + "/parts", "invalid", type.HasParts ? "parts is a list of components." : $"{type.Name} has no parts."));
            return;
        }

        var index = 0;
        foreach (var part in inner.EnumerateArray())
            Check(part, $"{pointer}/parts/{index++}", depth + 1, ref parts, errors);
    }

    private static string? Wrong(ComponentProperty property, JsonElement value)
    {
        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return property.Value switch
        {
            ComponentValue.Number => value.ValueKind == JsonValueKind.Number ? null : "is a number.",
            ComponentValue.Flag => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? null : "is true or false.",
            ComponentValue.List => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= MaxList ? null : $"is a list of up to {MaxList}.",
            ComponentValue.Any => null,
            ComponentValue.Text when value.ValueKind == JsonValueKind.Object => value.TryGetProperty("default", out _) && value.EnumerateObject().All(p => p.Value.ValueKind == JsonValueKind.String && p.Value.GetString()!.Length <= MaxText) ? null : "has a text for each language, and one named default.",
            _ when text is null => "is a text.",
            _ when text.Length > MaxText => $"has at most {MaxText} characters.",
            _ when !property.Choices.IsEmpty && !property.Choices.Contains(text) => $"is one of {string.Join(", ", property.Choices)}.",
            // Nothing that leaves this node, and nothing that a browser would run.
            ComponentValue.Source when text.Contains(':', StringComparison.Ordinal) || text.Contains("..", StringComparison.Ordinal) || (text.StartsWith('/') && !text.StartsWith("/api/", StringComparison.Ordinal)) => "is an address relative to the plugin's prefix, or below /api/.",
            ComponentValue.Page when !text.StartsWith('/') || text.StartsWith("//", StringComparison.Ordinal) || text.Contains('\\', StringComparison.Ordinal) => "is an address of the console, such as /r/orders.orders.",
            ComponentValue.File when text.StartsWith('/') || text.Contains("..", StringComparison.Ordinal) || text.Contains('\\', StringComparison.Ordinal) || text.Contains(':', StringComparison.Ordinal) => "is a file in the plugin's folder ui, such as board.js.",
            _ => null,
        };
    }
}
