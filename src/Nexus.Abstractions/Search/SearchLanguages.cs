namespace Nexus;

/// <summary>Languages whose words are searched by their stems.</summary>
public static class SearchLanguages
{
    /// <summary>English, by Porter's algorithm.</summary>
    public const string English = "en";

    /// <summary>German, by CISTEM.</summary>
    public const string German = "de";

    /// <summary>Whether a language is one of them.</summary>
    public static bool IsKnown(string language) => language is English or German;
}
