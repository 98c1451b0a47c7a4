using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Nexus.Gateway.Tools;

/// <summary>Records as resources of the Model Context Protocol: <c>nexus://{table}</c> the first of a resource, <c>nexus://{table}/{id}</c> one of them; read through the same tools, so with the same permissions.</summary>
internal sealed class McpResources(ToolRunner runner)
{
    private const string Scheme = "nexus://";
    private const string Json = "application/json";

    /// <summary>The resources that the caller may list.</summary>
    public async Task<IEnumerable<ModelContextProtocol.Protocol.Resource>> ListAsync(CallContext caller, CancellationToken cancellationToken) =>
        (await TablesAsync(caller, cancellationToken)).Select(t => new ModelContextProtocol.Protocol.Resource { Uri = Scheme + t.Table, Name = t.Table, Title = t.Tool.Title, Description = t.Tool.Description, MimeType = Json });

    /// <summary>The addresses of single records.</summary>
    public async Task<IEnumerable<ResourceTemplate>> TemplatesAsync(CallContext caller, CancellationToken cancellationToken) =>
        (await TablesAsync(caller, cancellationToken)).Select(t => new ResourceTemplate { UriTemplate = $"{Scheme}{t.Table}/{{id}}", Name = t.Table, Title = $"One of {t.Table}", MimeType = Json });

    /// <summary>What lies at an address.</summary>
    public async Task<ReadResourceResult> ReadAsync(CallContext caller, string uri, CancellationToken cancellationToken)
    {
        var parts = uri.StartsWith(Scheme, StringComparison.Ordinal) ? uri[Scheme.Length..].Split('/') : [];
        var verb = parts.Length == 1 ? "list" : "get";
        if (parts.Length is not (1 or 2) || (await TablesAsync(caller, cancellationToken)).FirstOrDefault(t => t.Table == parts[0]).Tool is not { } list)
            throw NotFound(uri);
        var tool = verb == "list" ? list : runner.Find(list.Name[..^"list".Length] + "get") ?? throw NotFound(uri);
        var arguments = verb == "list" ? new JsonObject() : new JsonObject { ["id"] = parts[1] };
        try
        {
            var found = await runner.RunAsync(tool, caller, JsonSerializer.SerializeToElement(arguments), cancellationToken);
            return new ReadResourceResult { Contents = [new TextResourceContents { Uri = uri, MimeType = Json, Text = found.ToJsonString() }] };
        }
        catch (NexusException e)
        {
            throw e.Code == ErrorCodes.ResourceNotFound ? NotFound(uri) : new McpProtocolException($"{e.Code}: {Masking.Mask(e.Message)}", McpErrorCode.InvalidParams);
        }
    }

    private static McpProtocolException NotFound(string uri) => new($"There is no resource {uri} that you may see.", McpErrorCode.ResourceNotFound);

    private async Task<IEnumerable<(string Table, Tool Tool)>> TablesAsync(CallContext caller, CancellationToken cancellationToken) =>
        (await runner.ListAsync(caller, cancellationToken)).Where(t => t.Lists is not null).Select(t => (t.Lists!, t));
}
