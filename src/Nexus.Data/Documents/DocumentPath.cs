namespace Nexus.Data.Documents;

/// <summary>The grammar of relative document paths: segments parted by <c>/</c> or <c>.</c>, each of letters, digits, <c>_</c>, <c>-</c>, <c>@</c>, <c>:</c> and <c>~</c>.</summary>
internal static class DocumentPath
{
    /// <summary>The path with slashes.</summary>
    /// <exception cref="NexusException"><c>PATH_FORBIDDEN</c>: it would leave the plugin's part, or is no path.</exception>
    public static string Normalise(string path, bool allowEmpty = false)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Length == 0 && allowEmpty)
            return "";
        if (path.Contains("..", StringComparison.Ordinal))
            throw Forbidden(path, "'..' would leave the plugin's own part");
        if (path.StartsWith('/'))
            throw Forbidden(path, "paths are relative to the plugin's own part and do not begin with '/'");
        var normal = path.Replace('.', '/');
        foreach (var segment in normal.Split('/'))
        {
            if (segment.Length == 0)
                throw Forbidden(path, "it has an empty segment");
            foreach (var c in segment)
            {
                if (!char.IsLetterOrDigit(c) && c is not ('_' or '-' or '@' or ':' or '~'))
                    throw Forbidden(path, $"the character '{c}' is not allowed; segments are letters, digits, '_', '-', '@', ':' and '~'");
            }
        }

        return normal;
    }

    private static NexusException Forbidden(string path, string why) => new(ErrorCodes.PathForbidden, $"The document path '{path}' is refused: {why}.");
}
