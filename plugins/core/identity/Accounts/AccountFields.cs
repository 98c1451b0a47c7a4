using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Core.Identity.Accounts;

/// <summary>Rules of the fields of accounts.</summary>
internal static class AccountFields
{
    private const int MaxBytes = 16 * 1024;

    /// <summary>Whether a text is of a length and holds no control characters and no broken Unicode.</summary>
    public static bool IsText(string text, int longest) => text.Length <= longest && !text.Any(char.IsControl) && text.IsWellFormed();

    /// <summary>Joins what was sent into free fields (JSON Merge Patch, RFC 7396).</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>: too large.</exception>
    public static JsonObject Merge(JsonObject? old, JsonObject patch, string pointer)
    {
        var merged = Apply(old, patch).AsObject();
        return Encoding.UTF8.GetByteCount(merged.ToJsonString()) <= MaxBytes ? merged
            : throw new NexusException(ErrorCodes.ValidationError, $"{pointer} may take {MaxBytes} bytes at most.") { Errors = [new FieldError(pointer, "max_length", $"At most {MaxBytes} bytes.")] };
    }

    /// <summary>Throws all errors at once when there are any.</summary>
    public static void Throw(IReadOnlyList<FieldError> errors)
    {
        if (errors.Count > 0) throw new NexusException(ErrorCodes.ValidationError, $"{errors[0].Message} ({errors[0].Pointer})") { Errors = [.. errors] };
    }

    private static JsonNode Apply(JsonNode? old, JsonNode patch)
    {
        if (patch is not JsonObject changes) return patch.DeepClone();
        var merged = old is JsonObject before ? (JsonObject)before.DeepClone() : [];
        foreach (var (name, value) in changes)
        {
            if (value is null) merged.Remove(name);
            else merged[name] = Apply(merged[name], value);
        }

        return merged;
    }

    private static bool IsWellFormed(this string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (!char.IsHighSurrogate(text[i]) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1])) return false;
            i++;
        }

        return true;
    }
}
