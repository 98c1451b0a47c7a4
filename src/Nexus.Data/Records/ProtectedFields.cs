namespace Nexus.Data.Records;

/// <summary>What engines are told of fields that are encrypted at rest.</summary>
internal static class ProtectedFields
{
    /// <summary>Member that holds the cipher text.</summary>
    public const string Sealed = "$sealed";

    /// <summary>Member beside the cipher text that holds the digest.</summary>
    public const string Digest = "$digest";

    public static string DigestOf(string path) => $"{path}.{Digest}";

    /// <summary>The name of a field as its author knows it.</summary>
    public static string NameOf(string path) => path.EndsWith("." + Digest, StringComparison.Ordinal) ? path[..^(Digest.Length + 1)] : path;

    /// <summary>Whether the path is a marked field or lies within one.</summary>
    public static bool Covers(ResourceDescriptor resource, string path)
    {
        var fields = resource.Fields;
        foreach (var name in path.Split('.'))
        {
            if (fields.IsDefault || fields.FirstOrDefault(f => f.Name == name) is not { } field)
                return false;
            if (field.Secret || field.Personal)
                return true;
            fields = field.Fields;
        }

        return false;
    }

    /// <summary>Whether an index of the resource holds the path, so that equal values are to be found.</summary>
    public static bool IsIndexed(ResourceDescriptor resource, string path) => resource.Indexes.Any(i => i.Fields.Contains(path));

    /// <summary>The resource as an engine stores it: indexes hold digests, and full-text search leaves out what it could not read.</summary>
    public static ResourceDescriptor Stored(ResourceDescriptor resource)
    {
        bool Marked(string path) => Covers(resource, path);
        return !resource.Indexes.Any(i => i.Fields.Any(Marked)) && (resource.Search.IsDefaultOrEmpty || !resource.Search.Any(Marked)) ? resource : resource with
        {
            Indexes = [.. resource.Indexes.Select(i => i with { Fields = [.. i.Fields.Select(f => Marked(f) ? DigestOf(f) : f)] })],
            Search = resource.Search.IsDefault ? resource.Search : [.. resource.Search.Where(f => !Marked(f))],
        };
    }

    /// <summary>All tables of a request as an engine stores them.</summary>
    public static SchemaRequest Stored(SchemaRequest request) => request with { Tables = [.. request.Tables.Select(Stored)] };
}
