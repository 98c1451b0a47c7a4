using System.Text.Json.Nodes;

namespace Nexus.Gateway.OpenApi;

/// <summary>
/// Requests that can be played against the host one after the other without harm, by folder: of each resource a record is made, read, changed and removed again; of everything else what
/// only reads and needs no id. Drawn from the OpenAPI document, for the tools that people try APIs with.
/// </summary>
internal static class RequestCollection
{
    private const string ById = "/{id}";
    private static readonly string[] OfOne = ["get", "patch", "put"];

    /// <summary>The folders, in the order of the document.</summary>
    public static IReadOnlyList<RequestFolder> Of(JsonObject document)
    {
        var paths = document["paths"]!.AsObject();
        var folders = new Dictionary<string, List<CollectedRequest>>(StringComparer.Ordinal);
        foreach (var (path, item) in paths)
        {
            if (paths.ContainsKey(path + ById) && item!["post"] is JsonObject create && create["x-permission"] is not null && paths[path + ById]!["patch"] is not null)
                Folder(folders, $"{Tag(create)}: {path[(path.LastIndexOf('/') + 1)..]}").AddRange(Resource(paths, path));
            else if (item!["get"] is JsonObject get && !path.Contains('{', StringComparison.Ordinal) && !IsStream(get) && !IsOfResource(paths, path))
                Folder(folders, Tag(get)).Add(Request(paths, path, "get", path));
        }
        return [.. folders.Select(folder => new RequestFolder(folder.Key, folder.Value))];
    }

    private static IEnumerable<CollectedRequest> Resource(JsonObject paths, string path)
    {
        var id = "id_" + path.Trim('/').Replace('/', '_').Replace('-', '_');
        var one = $"{path}/{{{{{id}}}}}";
        yield return Request(paths, path, "post", path) with { Keeps = id };
        yield return Request(paths, path, "get", path);
        foreach (var method in OfOne.Where(method => paths[path + ById]![method] is not null))
            yield return Request(paths, path + ById, method, one);
        foreach (var action in paths.Select(p => p.Key).Where(p => p.StartsWith(path + ById + "/actions/", StringComparison.Ordinal)))
            yield return Request(paths, action, "post", one + action[(path.Length + ById.Length)..]);
        if (paths[path + ById]!["delete"] is not null)
            yield return Request(paths, path + ById, "delete", one);
    }

    private static CollectedRequest Request(JsonObject paths, string path, string method, string address)
    {
        var operation = paths[path]![method]!.AsObject();
        var (type, media) = (operation["requestBody"]?["content"] as JsonObject)?.FirstOrDefault() ?? default;
        return new CollectedRequest((string)operation["summary"]!, method.ToUpperInvariant(), address, type, media?["example"]?.ToJsonString());
    }

    private static List<CollectedRequest> Folder(Dictionary<string, List<CollectedRequest>> folders, string name) =>
        folders.TryGetValue(name, out var found) ? found : folders[name] = [];

    private static bool IsOfResource(JsonObject paths, string path) => path.EndsWith("/batch", StringComparison.Ordinal) && paths.ContainsKey(path[..^"/batch".Length] + ById);

    private static bool IsStream(JsonObject operation) => operation["responses"]?["200"]?["content"]?["text/event-stream"] is not null;

    private static string Tag(JsonObject operation) => (string?)operation["tags"]?[0] ?? "other";
}

/// <summary>Requests of one subject.</summary>
internal sealed record RequestFolder(string Name, IReadOnlyList<CollectedRequest> Requests);

/// <summary>One request; in its address and nowhere else stand variables as <c>{{name}}</c>.</summary>
/// <param name="Name">What it does.</param>
/// <param name="Method">Its method.</param>
/// <param name="Address">Its path.</param>
/// <param name="ContentType">Type of its body, or null.</param>
/// <param name="Body">Its body, or null.</param>
internal sealed record CollectedRequest(string Name, string Method, string Address, string? ContentType, string? Body)
{
    /// <summary>Variable that keeps the id of the answer; null when none does.</summary>
    public string? Keeps { get; init; }
}
