using System.Buffers;
using System.Collections.Immutable;

namespace Nexus;

/// <summary>The grammar of event names: two or more words parted by dots; a word starts with a letter a–z and goes on with a–z, 0–9, <c>_</c> and <c>-</c>; at most 200 characters.</summary>
public static class EventName
{
    /// <summary>Greatest length of a name or pattern.</summary>
    public const int MaxLength = 200;

    private static readonly SearchValues<char> WordCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-");

    /// <summary>Checks a name.</summary>
    /// <exception cref="NexusException"><c>INVALID_EVENT_TYPE</c>, with the rule that the name breaks.</exception>
    public static void Check(string name)
    {
        if (FindFault(name, wildcards: false) is { } fault)
            throw new NexusException(ErrorCodes.InvalidEventType, $"\"{name}\" is not an event name: {fault}. Names are two or more dotted lower-case words, such as orders.created.");
    }

    /// <summary>Whether a text is an event name.</summary>
    public static bool IsValid(string name) => FindFault(name, wildcards: false) is null;

    internal static string? FindFault(string? name, bool wildcards)
    {
        if (string.IsNullOrEmpty(name))
            return "it is empty";
        if (name.Length > MaxLength)
            return $"it has {name.Length} characters; at most {MaxLength} are allowed";
        var words = 0;
        foreach (var range in name.AsSpan().Split('.'))
        {
            var word = name.AsSpan()[range];
            words++;
            if (word is "*" && wildcards)
                continue;
            if (word.Length == 0)
                return "a word between two dots is empty";
            if (word[0] is < 'a' or > 'z')
                return $"the word \"{word}\" does not start with a letter a–z";
            if (word.IndexOfAnyExcept(WordCharacters) is var at and >= 0)
                return $"the word \"{word}\" has the character '{word[at]}'";
        }

        return words == 1 && name != "*" ? "it has one word only" : null;
    }
}

/// <summary>A pattern over event names: a name in which any word may be <c>*</c>. A <c>*</c> stands for one or more whole words, so <c>orders.*</c> covers <c>orders.created</c> and <c>orders.line.added</c>, <c>*.failed</c> every name that ends so, and <c>*</c> every name. Immutable and thread-safe.</summary>
public sealed class EventPattern
{
    private readonly ImmutableArray<string> words;

    private EventPattern(string text)
    {
        Text = text;
        words = [.. text.Split('.')];
        IsExact = !words.Contains("*");
    }

    /// <summary>The pattern that every name matches.</summary>
    public static EventPattern Any { get; } = new("*");

    /// <summary>The pattern as written.</summary>
    public string Text { get; }

    /// <summary>It has no <c>*</c>: it matches the one name that equals it.</summary>
    public bool IsExact { get; }

    /// <summary>The words before the first <c>*</c>, with dots; empty when it starts with <c>*</c>. Engines narrow an index scan by it.</summary>
    public string Prefix => Text[..(Text.IndexOf('*', StringComparison.Ordinal) is var star and >= 0 ? star : Text.Length)];

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="NexusException"><c>INVALID_EVENT_TYPE</c>, with the rule that the pattern breaks.</exception>
    public static EventPattern Parse(string pattern)
    {
        if (EventName.FindFault(pattern, wildcards: true) is { } fault)
            throw new NexusException(ErrorCodes.InvalidEventType, $"\"{pattern}\" is not an event pattern: {fault}. A pattern is an event name in which a word may be *, or * alone.");
        return pattern == "*" ? Any : new EventPattern(pattern);
    }

    /// <summary>Whether a name matches.</summary>
    public bool Matches(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return IsExact ? string.Equals(Text, name, StringComparison.Ordinal) : words.Length == 1 || Matches(words.AsSpan(), name);
    }

    /// <summary>Whether some name may match both patterns. Never false when one does; may be true for two wildcard patterns that no name matches.</summary>
    public bool MayOverlap(EventPattern other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return IsExact ? other.Matches(Text) : !other.IsExact || Matches(other.Text);
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static bool Matches(ReadOnlySpan<string> pattern, ReadOnlySpan<char> name)
    {
        if (pattern.IsEmpty)
            return name.IsEmpty;
        while (!name.IsEmpty)
        {
            var dot = name.IndexOf('.');
            var rest = dot < 0 ? [] : name[(dot + 1)..];
            if (pattern[0] != "*")
                return name[..(dot < 0 ? name.Length : dot)].SequenceEqual(pattern[0]) && Matches(pattern[1..], rest);
            if (Matches(pattern[1..], rest))
                return true;
            name = rest;
        }

        return false;
    }
}
