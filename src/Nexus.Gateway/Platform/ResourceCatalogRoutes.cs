using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The resources that a caller may do anything with, each with its fields, its address and what this caller may do: what a command line or a console draws itself from.</summary>
internal sealed class ResourceCatalogRoutes(IPlugins plugins, IAuthorization authorization) : IPlatformRoutes
{
    private static readonly string[] Verbs = ["read", "create", "update", "delete"];

    private const string Form = """
        {"title":"ResourceView","type":"object","required":["name","plugin","version","singular","description","path","view","allowed","fields","search","record","input","actions"],"properties":{"name":{"type":"string"},"plugin":{"type":"string"},"version":{"type":"string"},"singular":{"type":"string"},"description":{"type":["string","null"]},"path":{"type":"string"},
          "view":{"type":"boolean","description":"Rows of its plugin's own database: only read, without history, and nobody tells of changes."},
          "allowed":{"type":"object","additionalProperties":{"type":"string","enum":["none","own","team","all"]}},"fields":{"type":"array","items":
        """ + FieldNodes.Form + """
        },"search":{"type":"array","items":{"type":"string"}},
          "attachments":{"type":"object","description":"What may be attached to its records; absent where nothing may.","required":["maxBytes","maxCount","types","pictureWidths"],"properties":{"maxBytes":{"type":"integer","format":"int64"},"maxCount":{"type":"integer"},"types":{"type":"array","items":{"type":"string"}},"pictureWidths":{"type":"array","description":"In which widths pictures are served; empty on a node that scales none.","items":{"type":"integer"}}}},
          "record":{"type":"object","additionalProperties":true},"input":{"type":"object","additionalProperties":true},
          "actions":{"type":"array","items":{"title":"ActionView","type":"object","required":["name","description","input","fields"],"properties":{"name":{"type":"string"},"description":{"type":["string","null"]},"input":{"type":["object","null"],"additionalProperties":true},"fields":{"type":"array","items":{"$ref":"#/components/schemas/FieldView"}}}}}}}
        """;

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/resources", "listResources", "The resources that the caller may do anything with: fields, actions, address, and what of it is allowed", PlatformRoute.Anyone, ListAsync) { Query = [("name", "only the one of this name, such as orders.orders")], Answer = Answer.Inline(Form).Many() },
    ];

    private async Task ListAsync(HttpContext context)
    {
        var caller = GatewayRequest.Of(context).Context;
        var name = context.Request.Query["name"].FirstOrDefault();
        var found = new JsonArray();
        var current = plugins.Current.Plugins;
        ImmutableArray<int> widths = current.Any(p => p.Pictures is not null) ? PictureWidths.All : [];
        foreach (var plugin in current)
        {
            foreach (var resource in plugin.Resources.Where(r => string.IsNullOrEmpty(name) || r.Table == name))
            {
                var allowed = new JsonObject();
                foreach (var verb in (resource.View is null ? Verbs : ["read"]).Concat(resource.Actions.Select(a => a.Name)).Distinct(StringComparer.Ordinal))
                {
                    var decision = await authorization.DecideAsync(caller, resource.PermissionFor(verb), context.RequestAborted);
                    if (decision.Scope != AccessScope.None || decision.Records is { IsDefaultOrEmpty: false })
                        allowed[verb] = decision.Scope.ToString().ToLowerInvariant();
                }

                if (allowed.Count > 0)
                    found.Add(Shown(plugin, resource, allowed, widths));
            }
        }

        if (found.Count == 0 && !string.IsNullOrEmpty(name))
            throw Refused(caller, name);
        await JsonAnswer.SendAsync(context, found);
    }

    private NexusException Refused(CallContext caller, string name)
    {
        if (!plugins.Current.Plugins.Any(p => p.Resources.Any(r => r.Table == name)))
            return new NexusException(ErrorCodes.ResourceNotFound, $"This node serves no resource {name}; GET /api/v1/resources names those there are.");
        return new AccessDecision(AccessScope.None, "").Refusal(caller, $"{name}:read");
    }

    private static JsonObject Shown(ActivePlugin plugin, ResourceDescriptor resource, JsonObject allowed, ImmutableArray<int> widths)
    {
        var shown = Described(plugin, resource, allowed);
        if (resource.Attachments is { } rules)
            shown["attachments"] = new JsonObject { ["maxBytes"] = rules.MaxBytes, ["maxCount"] = rules.MaxCount, ["types"] = new JsonArray([.. rules.Types.Select(t => (JsonNode)t)]), ["pictureWidths"] = new JsonArray([.. widths.Select(w => (JsonNode)w)]) };
        return shown;
    }

    private static JsonObject Described(ActivePlugin plugin, ResourceDescriptor resource, JsonObject allowed) => new()
    {
        ["name"] = resource.Table,
        ["plugin"] = plugin.Manifest.Name,
        ["version"] = plugin.Manifest.Version,
        ["singular"] = resource.Singular,
        ["description"] = resource.Description,
        ["path"] = $"{plugin.Manifest.RoutePrefix}/{resource.Name}",
        ["view"] = resource.View is not null,
        ["allowed"] = allowed,
        ["fields"] = FieldNodes.All(resource.Fields),
        ["search"] = new JsonArray([.. resource.Search.Select(f => (JsonNode)f)]),
        ["record"] = SchemaNodes.Record(resource),
        ["input"] = SchemaNodes.Input(resource, partial: false),
        ["actions"] = new JsonArray([.. resource.Actions.Select(action => (JsonNode)new JsonObject
        {
            ["name"] = action.Name,
            ["description"] = action.Description,
            ["input"] = action.Input.IsDefaultOrEmpty ? null : SchemaNodes.Group(action.Input),
            ["fields"] = FieldNodes.All(action.Input),
        })]),
    };
}
