using NuGet.Versioning;

namespace Nexus.Kernel.Schemas;

/// <summary>The named formats that schemas may ask of a text.</summary>
internal static class SchemaFormats
{
    /// <summary>Names of the known formats.</summary>
    public static IReadOnlyList<string> Names { get; } = ["version-range", "duration", "uri", "relative-path"];

    /// <summary>Says what is wrong with a text, or null when it has the format (or the format is unknown).</summary>
    public static string? Check(string format, string text) => format switch
    {
        "version-range" => CheckRange(text),
        "duration" => ConfigurationValues.TryParseDuration(text, out _) ? null : "must be a duration such as 500ms, 30s, 5m, 2h or 00:00:30",
        "uri" => Uri.TryCreate(text, UriKind.Absolute, out _) ? null : "must be an absolute URI such as https://example.org/",
        "relative-path" => IsRelativePath(text) ? null : "must be a relative path inside the plugin's folder, with forward slashes and without '..'",
        _ => null,
    };

    private static string? CheckRange(string text)
    {
        if (!VersionRange.TryParse(text, allowFloating: false, out _))
            return "must be a version range in NuGet interval notation: 1.2 (1.2 or later), [1.2] (exactly), [1.0,2.0) (from, below)";
        return null;
    }

    private static bool IsRelativePath(string text) =>
        text.Length is > 0 and <= 240
        && !text.StartsWith('/')
        && text.IndexOfAny(['\\', ':', '\0']) < 0
        && text.Split('/').All(segment => segment is not ("" or "." or ".."));
}
