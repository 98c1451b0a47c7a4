using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The document tree, the stored settings and the configuration, for administrators.</summary>
internal sealed class DocumentRoutes(IServiceProvider host, RequestBody bodies, IConfiguration configuration, TimeProvider time) : IPlatformRoutes
{
    private const string Settings = "core/settings/";
    private const string Form = """{"type":"object","required":["path","revision","updatedAt","value"],"properties":{"path":{"type":"string"},"revision":{"type":"integer","format":"int64"},"updatedAt":{"type":"string","format":"date-time"},"value":{}}}""";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/data", "listDocuments", "Documents under a path of the tree", "platform.data:read", ListAsync) { Query = [("prefix", "path such as plugins/business"), ("limit", "1 to 1000"), ("cursor", "of the last page")], Answer = Answer.Written("DocumentView", Form).Many() },
        new("GET", "/api/v1/data/{**path}", "getDocument", "One document; a.b.c and a/b/c name the same", "platform.data:read", GetAsync) { Answer = Answer.AnyJson },
        new("GET", "/api/v1/settings/{name}", "getSetting", "One stored setting", "platform.settings:read", context => AnswerAsync(context, Settings + Name(context))) { Answer = Answer.AnyJson },
        new("PUT", "/api/v1/settings/{name}", "putSetting", "Store a setting; the body is its JSON value", "platform.settings:update", PutAsync) { Input = "{}", Answer = Answer.AnyJson },
        new("DELETE", "/api/v1/settings/{name}", "deleteSetting", "Forget a stored setting", "platform.settings:delete", DeleteAsync) { Success = 204 },
        new("GET", "/api/v1/config", "getConfig", "Every configuration value, secrets hidden", "platform.config:read", ConfigAsync) { Query = [("section", "keys under this section"), ("mask_secrets", "true, the only value: secrets never leave the process")], Answer = Answer.Of<ConfigurationValue[]>() },
    ];

    private IStorage Storage => host.GetService<IStorage>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no storage.");

    private static string Name(HttpContext context) => (string)context.Request.RouteValues["name"]!;

    private static string Tenant(HttpContext context) => GatewayRequest.Of(context).Context.Tenant;

    private async Task ListAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var prefix = Normal(query["prefix"].FirstOrDefault() ?? "");
        var limit = int.TryParse(query["limit"].FirstOrDefault(), out var asked) ? Math.Clamp(asked, 1, 1000) : 100;
        var page = await Storage.QueryAsync(new RecordQuery { Tenant = Tenant(context), Table = IStorage.Documents, KeyPrefix = prefix.Length == 0 ? null : prefix, Limit = limit, Cursor = query["cursor"].FirstOrDefault() }, context.RequestAborted);
        if (page.NextCursor is { } next)
            context.Response.Headers.Link = $"</api/v1/data?prefix={Uri.EscapeDataString(prefix)}&limit={limit}&cursor={Uri.EscapeDataString(next)}>; rel=\"next\"";
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            foreach (var record in page.Records)
            {
                json.WriteStartObject();
                json.WriteString("path", record.Id);
                json.WriteNumber("revision", record.Revision);
                json.WriteString("updatedAt", record.UpdatedAt.UtcDateTime);
                json.WritePropertyName("value");
                WriteMasked(json, record);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        });
    }

    private async Task GetAsync(HttpContext context)
    {
        var path = Normal((string?)context.Request.RouteValues["path"] ?? "");
        if (path.Length == 0)
            await ListAsync(context);
        else
            await AnswerAsync(context, path);
    }

    private async Task AnswerAsync(HttpContext context, string path)
    {
        var record = await Storage.FindAsync(new RecordKey(Tenant(context), IStorage.Documents, path), context.RequestAborted)
            ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no document at {path}.");
        context.Response.Headers.ETag = EntityTags.For(record.Revision);
        await JsonAnswer.SendAsync(context, json => WriteMasked(json, record));
    }

    private async Task PutAsync(HttpContext context)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        if (body.IsEmpty)
            throw new NexusException(ErrorCodes.BadRequest, "The body is the setting's JSON value.");
        var key = new RecordKey(Tenant(context), IStorage.Documents, Settings + Name(context));
        var old = await Storage.FindAsync(key, context.RequestAborted);
        if (EntityTags.Demanded(context.Request) is { } demanded && demanded != (old?.Revision ?? 0))
            throw new NexusException(ErrorCodes.PreconditionFailed, $"The setting has revision {old?.Revision ?? 0}.");
        var now = time.GetUtcNow();
        var record = new StoredRecord { Id = key.Id, Revision = (old?.Revision ?? 0) + 1, CreatedAt = old?.CreatedAt ?? now, UpdatedAt = now, Json = body };
        await Storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = key, Record = record, ExpectedRevision = old?.Revision ?? 0 }] }, CancellationToken.None);
        context.Response.Headers.ETag = EntityTags.For(record.Revision);
        await JsonAnswer.SendBytesAsync(context, body);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        var key = new RecordKey(Tenant(context), IStorage.Documents, Settings + Name(context));
        if (await Storage.FindAsync(key, context.RequestAborted) is null)
            throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no setting {Name(context)}.");
        await Storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = key }] }, CancellationToken.None);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private Task ConfigAsync(HttpContext context)
    {
        if (context.Request.Query["mask_secrets"] is ["false" or "0"])
            throw new NexusException(ErrorCodes.PermissionDenied, "Secrets never leave the process; read them where they are kept.");
        var section = context.Request.Query["section"].FirstOrDefault()?.Replace(':', '.');
        if (host.GetService<ISettings>() is { } settings)
        {
            // As they are shown: ids of plugins have dots of their own.
            var shown = settings.Show().Select(v => new ConfigurationValue(v.Key.Replace(':', '.'), v.Value, v.Source, v.Secret, v.Restart));
            return JsonAnswer.SendAsync(context, shown.Where(v => section is null || v.Key.Equals(section, StringComparison.OrdinalIgnoreCase) || v.Key.StartsWith(section + ".", StringComparison.OrdinalIgnoreCase)));
        }

        var providers = (configuration as IConfigurationRoot)?.Providers.Reverse().ToArray() ?? [];
        var values = (section is null ? configuration.AsEnumerable() : configuration.GetSection(section.Replace('.', ':')).AsEnumerable())
            .Where(v => v.Value is not null)
            .OrderBy(v => v.Key, StringComparer.OrdinalIgnoreCase)
            .Select(v => new ConfigurationValue(v.Key.Replace(':', '.'), Secrets.IsNamedLikeOne(v.Key) ? "***hidden***" : v.Value, providers.FirstOrDefault(p => p.TryGet(v.Key, out _))?.ToString()));
        return JsonAnswer.SendAsync(context, values);
    }

    private static string Normal(string path) => path.Contains('/', StringComparison.Ordinal) ? path.Trim('/') : path.Replace('.', '/');

    /// <summary>Writes a document's value; what is named like a secret is not for eyes.</summary>
    private void WriteMasked(Utf8JsonWriter json, StoredRecord record)
    {
        var value = JsonNode.Parse(record.Json.Span);
        // A plugin's stored settings: what its schema calls secret, whatever the name.
        if (record.Id.Split('/') is ["plugins", _, var plugin, "config"])
        {
            foreach (var key in Secrets.Declared(host.GetService<IPlugins>()?.List().FirstOrDefault(p => p.Id == plugin)?.Manifest?.Configuration))
                Hide(value, key.Split(':'));
        }

        Mask(value);
        if (value is null)
            json.WriteNullValue();
        else
            value.WriteTo(json);
    }

    private static void Hide(JsonNode? node, ReadOnlySpan<string> path)
    {
        if (node is not JsonObject map || !map.ContainsKey(path[0]))
            return;
        if (path.Length == 1)
            map[path[0]] = "***hidden***";
        else
            Hide(map[path[0]], path[1..]);
    }

    private static void Mask(JsonNode? node)
    {
        if (node is JsonArray array)
        {
            foreach (var element in array)
                Mask(element);
        }
        if (node is not JsonObject map)
            return;
        foreach (var (name, value) in map.ToArray())
        {
            if (Secrets.IsNamedLikeOne(name) && value is not null)
                map[name] = "***hidden***";
            else
                Mask(value);
        }
    }
}

/// <summary>A configuration value in force, and where it comes from; whether it is secret and needs a restart is told where settings are kept.</summary>
internal sealed record ConfigurationValue(string Key, string? Value, string? Source, bool? Secret = null, bool? Restart = null);
