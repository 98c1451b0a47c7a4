namespace Nexus.UserInterface;

/// <summary>Media types by the end of a file's name.</summary>
internal static class FileTypes
{
    public static string Of(string name) => Path.GetExtension(name) switch
    {
        ".js" or ".mjs" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".html" => "text/html; charset=utf-8",
        ".json" => "application/json",
        ".webmanifest" => "application/manifest+json",
        ".svg" => "image/svg+xml",
        ".png" => "image/png",
        ".webp" => "image/webp",
        ".jpg" => "image/jpeg",
        ".woff2" => "font/woff2",
        _ => "application/octet-stream",
    };
}
