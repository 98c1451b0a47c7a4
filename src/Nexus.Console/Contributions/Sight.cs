using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;

namespace Nexus.UserInterface.Contributions;

/// <summary>What one caller sees of what plugins declared: a part is bound to a route or a resource, and is there for who may use that.</summary>
internal sealed partial class Sight(PlatformSnapshot snapshot, IAuthorization authorization, CallContext call, CancellationToken cancellationToken)
{
    private readonly Dictionary<string, bool> decided = new(StringComparer.Ordinal);

    /// <summary>Whether the caller has a permission, on whichever records; everybody has none.</summary>
    public async ValueTask<bool> HasAsync(string? permission)
    {
        if (permission is null)
            return true;
        if (!decided.TryGetValue(permission, out var has))
        {
            var decision = await authorization.DecideAsync(call, permission, cancellationToken);
            decided[permission] = has = decision.Scope != AccessScope.None || decision.Records is { IsDefaultOrEmpty: false };
        }

        return has;
    }

    /// <summary>The content without the parts that the caller may not use; null when nothing of it is left.</summary>
    public async ValueTask<JsonObject?> LeaveAsync(ActivePlugin plugin, JsonElement component)
    {
        if (component.TryGetProperty("source", out var source) && !await HasAsync(PermissionOf(plugin, component.TryGetProperty("method", out var method) ? method.GetString()! : Default(component), source.GetString()!)))
            return null;
        var left = new JsonObject();
        foreach (var property in component.EnumerateObject().Where(p => p.Name != "parts"))
            left[property.Name] = JsonNode.Parse(property.Value.GetRawText());
        if (component.TryGetProperty("file", out var file))
            left["address"] = plugin.Files.AddressOf(plugin.Manifest.Name, file.GetString()!);
        if (!component.TryGetProperty("parts", out var parts))
            return left;
        var all = new List<JsonNode?>();
        foreach (var part in parts.EnumerateArray())
            all.Add(await LeaveAsync(plugin, part));
        var isTabs = left["type"]?.GetValue<string>() == "tabs";
        if (isTabs && left["labels"] is JsonArray labels)
            left["labels"] = new JsonArray([.. labels.Where((_, at) => at >= all.Count || all[at] is not null).Select(l => l?.DeepClone())]);
        left["parts"] = new JsonArray([.. all.Where(p => p is not null)]);
        return all.Count > 0 && all.TrueForAll(p => p is null) ? null : left;
    }

    private static string Default(JsonElement component) => component.GetProperty("type").GetString() is "form" or "button" ? "POST" : "GET";

    /// <summary>The permission that guards an address; null when it is public, or none that is known. Asked again, by the route itself, when it is used.</summary>
    private string? PermissionOf(ActivePlugin plugin, string method, string source)
    {
        var path = Placeholder().Replace(source.Split('?')[0], "x").Trim('/');
        var owner = plugin;
        if (source.StartsWith("/api/", StringComparison.Ordinal))
        {
            owner = snapshot.Plugins.FirstOrDefault(p => ("/" + path + "/").StartsWith(p.Manifest.RoutePrefix + "/", StringComparison.Ordinal));
            if (owner is null)
                return null;
            path = path[(owner.Manifest.RoutePrefix.Length - 1)..].Trim('/');
        }

        var words = path.Split('/');
        // A view has no routes but those that read it; what else lies at its address is the plugin's own.
        if (owner.Resources.FirstOrDefault(r => r.Name == words[0]) is { } resource && (resource.View is null || (method == "GET" && words.Length <= 2)))
            return resource.PermissionFor(words is [_, _, "actions", var action] ? action : method switch { "GET" => "read", "POST" => "create", "DELETE" => "delete", _ => "update" });
        return owner.Endpoints.FirstOrDefault(e => !e.Pattern.StartsWith("~/", StringComparison.Ordinal) && (e.Methods.IsEmpty || e.Methods.Contains(method)) && Matches(e.Pattern, path))?.Permission;
    }

    private static bool Matches(string pattern, string path) => new TemplateMatcher(TemplateParser.Parse(pattern.Trim('/')), []).TryMatch("/" + path, []);

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Placeholder();
}
