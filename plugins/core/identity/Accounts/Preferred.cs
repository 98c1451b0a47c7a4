using System.Text.Json.Nodes;

namespace Nexus.Core.Identity.Accounts;

/// <summary>What identity itself makes of a user's preferences; all others are kept for whoever asks.</summary>
internal static class Preferred
{
    /// <summary>The tag of a language (BCP 47), such as <c>de</c> or <c>de-AT</c>; null when there is none, or what is there is no tag.</summary>
    public static string? Language(User user) =>
        Text(user, "language") is { Length: >= 2 and <= 35 } tag && tag.Split('-').All(part => part.Length is >= 1 and <= 8 && part.All(char.IsAsciiLetterOrDigit)) ? tag : null;

    /// <summary><c>light</c> or <c>dark</c>; null leaves it to the browser.</summary>
    public static string? Theme(User user) => Text(user, "theme") is "light" or "dark" ? Text(user, "theme") : null;

    private static string? Text(User user, string name) =>
        user.Preferences?[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
