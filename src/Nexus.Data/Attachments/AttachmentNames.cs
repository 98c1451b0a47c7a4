using Microsoft.AspNetCore.StaticFiles;

namespace Nexus.Data.Attachments;

/// <summary>Names and media types of files that come from outside.</summary>
internal static class AttachmentNames
{
    public const int MaxName = 255;
    private const int MaxType = 127;
    private const string Unknown = "application/octet-stream";

    private static readonly FileExtensionContentTypeProvider Types = new();

    /// <summary>The name, or why it is refused.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>.</exception>
    public static string Check(string? name)
    {
        var problem = string.IsNullOrWhiteSpace(name) || name.Length > MaxName ? $"has 1 to {MaxName} characters; send it in Content-Disposition or as ?name=."
            : name is "." or ".." || name.AsSpan().ContainsAny('/', '\\') ? "has no folders: send the last part of the path alone."
            : name.Any(IsControl) || HasLoneSurrogate(name) ? "has no control characters and no half of a character."
            : null;
        return problem is null ? name! : throw new NexusException(ErrorCodes.ValidationError, $"The name of a file {problem}") { Errors = [new FieldError("/name", "format", problem)] };
    }

    /// <summary>The media type without parameters, lower case. Where the sender tells nothing of it, such as a tool that calls any body a form, the name does.</summary>
    public static string TypeOf(string? contentType, string name)
    {
        var sent = contentType?.Split(';')[0].Trim().ToLowerInvariant() ?? "";
        if (sent is "" or Unknown or "application/x-www-form-urlencoded")
        {
            return Types.TryGetContentType(name, out var known) ? known : Unknown;
        }

        return sent.Length <= MaxType && sent.Split('/') is [{ Length: > 0 } kind, { Length: > 0 } subtype] && kind.All(IsToken) && subtype.All(IsToken)
            ? sent
            : throw new NexusException(ErrorCodes.UnsupportedMediaType, "Content-Type is no media type, such as image/png.");
    }

    // The marks that turn the direction of text are among them: they make a name look like another one.
    private static bool IsControl(char c) => char.IsControl(c) || c is (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\u2028' or '\u2029';

    private static bool IsToken(char c) => char.IsAsciiLetterOrDigit(c) || c is '!' or '#' or '$' or '&' or '-' or '^' or '_' or '.' or '+';

    private static bool HasLoneSurrogate(string name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            if (char.IsSurrogate(name[i]) && !(char.IsHighSurrogate(name[i]) && i + 1 < name.Length && char.IsLowSurrogate(name[++i])))
            {
                return true;
            }
        }

        return false;
    }
}
