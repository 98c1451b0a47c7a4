using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Nexus;

/// <summary>A text for people, in one language or in several: <c>new LocalText("Balance").In("de", "Saldo")</c>.</summary>
/// <param name="Default">What is shown where there is no other; English by custom.</param>
public sealed record LocalText(string Default)
{
    /// <summary>The text in other languages, by their two letters.</summary>
    public ImmutableSortedDictionary<string, string> Others { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>With the text of one more language.</summary>
    /// <param name="language">Two letters, such as <c>de</c>.</param>
    /// <param name="text">The text.</param>
    public LocalText In(string language, string text) => this with { Others = Others.SetItem(language, text) };

    /// <summary>The text for a language: its own, else the default.</summary>
    public string For(string? language) => language is not null && Others.TryGetValue(language, out var text) ? text : Default;

    /// <summary>A string when there is one language, else an object by language with <c>default</c>.</summary>
    public JsonNode ToJsonNode()
    {
        if (Others.IsEmpty)
            return JsonValue.Create(Default);
        var all = new JsonObject { ["default"] = Default };
        foreach (var (language, text) in Others)
            all[language] = text;
        return all;
    }

    /// <summary>A text in one language.</summary>
    public static LocalText FromString(string text) => new(text);

    /// <summary>A text in one language.</summary>
    public static implicit operator LocalText(string text) => new(text);

    /// <summary>As a property of a <see cref="Component"/>.</summary>
    public static implicit operator JsonNode(LocalText text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.ToJsonNode();
    }
}
