using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>What is stored, as a whole: the schema of a plugin, the export and the deletion of a tenant.</summary>
internal sealed class DataRoutes(IServiceProvider host, TimeProvider time) : IPlatformRoutes
{
    private const string Form = """
        {"type":"object","required":["plugin","documents","collections","tables"],"properties":{"plugin":{"type":"string"},"documents":{"type":"string"},
          "collections":{"type":"array","items":{"type":"object","required":["name","version","fields","indexes","search"],"properties":{"name":{"type":"string"},"version":{"type":"integer"},"fields":{"type":"array","items":{"type":"string"}},
            "indexes":{"type":"array","items":{"type":"object","required":["fields","unique"],"properties":{"fields":{"type":"string"},"unique":{"type":"boolean"}}}},"search":{"type":"array","items":{"type":"string"}}}}},
          "tables":{"type":"array","items":{"type":"object","required":["type","name","table"],"properties":{"type":{"type":"string"},"name":{"type":"string"},"table":{"type":"string"}}}}}}
        """;

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/data/schema", "getDataSchema", "Collections, indexes and SQL tables of a plugin", "platform.data:read", SchemaAsync) { Query = [("plugin", "id of the plugin")], Answer = Answer.Written("DataSchema", Form) },
        new("GET", "/api/v1/data/export", "exportTenant", "Everything of a tenant as a ZIP file; encrypted fields are masked", "platform.data:export", ExportAsync) { Query = [("tenant", "the caller's own when absent; others from the default tenant only")], Answer = Answer.Plain("application/zip") },
        new("DELETE", "/api/v1/data", "deleteTenant", "Delete everything of a tenant", "platform.data:delete", DeleteAsync) { Query = [("tenant", "the tenant"), ("confirm", "its name once more")], Answer = Answer.Of<TenantDeleted>() },
    ];

    private ITenantStore Tenants => host.GetService<ITenantStore>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no storage of tenants.");

    private async Task SchemaAsync(HttpContext context)
    {
        var id = context.Request.Query["plugin"].FirstOrDefault() ?? "";
        var plugin = host.GetRequiredService<IPlugins>().Current.Find(id) ?? throw new NexusException(ErrorCodes.PluginNotFound, $"No active plugin is called '{id}'; name one by ?plugin=….");
        var tables = await SqlTablesAsync(id, GatewayRequest.Of(context).Context.Tenant, context.RequestAborted);
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("plugin", id);
            json.WriteString("documents", plugin.Manifest.DocumentRoot);
            json.WriteStartArray("collections");
            foreach (var resource in plugin.Resources.Where(r => r.View is null))
                WriteCollection(json, resource);
            json.WriteEndArray();
            json.WriteStartArray("tables");
            foreach (var row in tables)
            {
                json.WriteStartObject();
                foreach (var column in row.Columns)
                    json.WriteString(column, (string?)row[column]);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static void WriteCollection(Utf8JsonWriter json, ResourceDescriptor resource)
    {
        json.WriteStartObject();
        json.WriteString("name", resource.Table);
        json.WriteNumber("version", resource.SchemaVersion);
        json.WriteStartArray("fields");
        foreach (var field in resource.Fields)
            json.WriteStringValue(field.Name);
        json.WriteEndArray();
        json.WriteStartArray("indexes");
        foreach (var index in resource.Indexes)
        {
            json.WriteStartObject();
            json.WriteString("fields", string.Join(", ", index.Fields));
            json.WriteBoolean("unique", index.Unique);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("search");
        foreach (var field in resource.Search.IsDefault ? [] : resource.Search)
            json.WriteStringValue(field);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private async Task<ImmutableArray<SqlRow>> SqlTablesAsync(string plugin, string tenant, CancellationToken cancellationToken) =>
        host.GetService<ISqlDatabases>() is { } databases && databases.Exists(plugin, tenant) && databases.Get(plugin, tenant) is { Dialect: "sqlite" } database
            ? await database.QueryAsync("SELECT type, name, tbl_name AS \"table\" FROM sqlite_master WHERE type IN ('table','index','trigger') AND name NOT LIKE 'nexus_%' AND name NOT LIKE 'sqlite_%' ORDER BY tbl_name, type DESC, name", cancellationToken: cancellationToken)
            : [];

    private async Task ExportAsync(HttpContext context)
    {
        var tenant = await AskedAsync(context);
        context.Response.ContentType = "application/zip";
        context.Response.Headers.ContentDisposition = $"attachment; filename=\"{tenant}.zip\"";
        context.Response.Headers.CacheControl = "no-store";
        await RecordAsync("platform.data.exported", tenant);
        await Tenants.ExportAsync(tenant, context.Response.Body, context.RequestAborted);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        var tenant = await AskedAsync(context);
        if (context.Request.Query["confirm"].FirstOrDefault() != tenant)
            throw new NexusException(ErrorCodes.BadRequest, $"Deleting everything of a tenant cannot be undone; repeat its name: ?tenant={tenant}&confirm={tenant}.");
        // What has begun is not left half-done because its caller hung up.
        var deleted = await Tenants.DeleteAsync(tenant, CancellationToken.None);
        await RecordAsync("platform.data.deleted", tenant);
        await JsonAnswer.SendAsync(context, new TenantDeleted(tenant, deleted.Records, deleted.Events, deleted.Databases, deleted.Blobs));
    }

    /// <summary>The caller's own tenant, or another one for callers of the default tenant, who run the node. To everybody else another tenant does not exist.</summary>
    private async ValueTask<string> AskedAsync(HttpContext context)
    {
        var own = GatewayRequest.Of(context).Context.Tenant;
        var asked = context.Request.Query["tenant"].FirstOrDefault() is { Length: > 0 } named ? named : own;
        if (asked.Length > 64 || !asked.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') || asked.Contains("..", StringComparison.Ordinal) || (asked != own && own != CallContext.DefaultTenant))
        {
            await RecordAsync("auth.access.denied", asked.Length > 64 ? asked[..64] : asked, AuditResult.Denied);
            throw new NexusException(ErrorCodes.ResourceNotFound, "There is no such tenant, or you may not see it.");
        }

        return asked;
    }

    private async ValueTask RecordAsync(string action, string tenant, AuditResult result = AuditResult.Success)
    {
        if (host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), action, $"tenants/{tenant}", result), CancellationToken.None);
    }
}

/// <summary>What was removed of a tenant.</summary>
internal sealed record TenantDeleted(string Tenant, ImmutableSortedDictionary<string, long> Records, long Events, ImmutableArray<string> Databases, long Blobs);
