using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Nexus.Gateway.Rest;

/// <summary>Conditional requests (RFC 9110, 13): the strong tag of a record is its revision.</summary>
internal static class EntityTags
{
    private static readonly string[] Small = [.. Enumerable.Range(0, 256).Select(r => $"\"{r}\"")];

    /// <summary>The tag of a revision.</summary>
    public static string For(long revision) =>
        revision is >= 0 and < 256 ? Small[revision] : string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"");

    /// <summary>Whether <c>If-None-Match</c> names the tag; compared weakly, as for reads.</summary>
    public static bool IsNamed(StringValues ifNoneMatch, string tag)
    {
        if (ifNoneMatch.Count == 0)
            return false;
        foreach (var part in Parts(ifNoneMatch))
        {
            if (part == "*" || part == tag || part.StartsWith("W/", StringComparison.Ordinal) && part.AsSpan(2).SequenceEqual(tag.AsSpan().TrimStart("W/")))
                return true;
        }
        return false;
    }

    /// <summary>The revision that <c>If-Match</c> demands, or null when it demands none. A weak or foreign tag never matches a write.</summary>
    /// <exception cref="NexusException"><c>PRECONDITION_FAILED</c> when no revision could satisfy it; <c>BAD_REQUEST</c> when it names several.</exception>
    public static long? Demanded(HttpRequest request)
    {
        if (request.Headers.IfMatch.Count == 0)
            return null;
        var parts = Parts(request.Headers.IfMatch).ToArray();
        if (parts is ["*"])
            return null;
        if (parts.Length > 1)
            throw new NexusException(ErrorCodes.BadRequest, "If-Match may name one revision only: a record has one.");
        if (parts is [['"', .., '"'] tag] && long.TryParse(tag.AsSpan(1, tag.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var revision) && revision > 0)
            return revision;
        throw new NexusException(ErrorCodes.PreconditionFailed, $"If-Match names {request.Headers.IfMatch}, which is no revision of this record; its ETag is a number in quotation marks.");
    }

    private static IEnumerable<string> Parts(StringValues header) =>
        header.SelectMany(h => (h ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}
