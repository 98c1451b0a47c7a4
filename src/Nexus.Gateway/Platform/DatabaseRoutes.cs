using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The database of the node, for operators: what it is, its declared indexes, their care.</summary>
internal sealed class DatabaseRoutes(IServiceProvider host, TimeProvider time) : IPlatformRoutes
{
    private const string Form = """
        {"type":"object","required":["primary","version","place","bytes","standbys","pools","tables"],"properties":{"primary":{"type":"string"},"version":{"type":"string"},"place":{"type":["string","null"]},"bytes":{"type":"integer","format":"int64"},"standbys":{"type":"array","items":{"type":"string"}},
          "pools":{"type":"array","items":{"type":"object","required":["name","inUse","idle","max"],"properties":{"name":{"type":"string"},"inUse":{"type":"integer"},"idle":{"type":"integer"},"max":{"type":"integer"}}}},
          "tables":{"type":"array","items":{"type":"object","required":["name","bytes","indexes"],"properties":{"name":{"type":"string"},"bytes":{"type":["integer","null"]},
            "indexes":{"type":"array","items":{"type":"object","required":["name","fields","unique","missing","bytes"],"properties":{"name":{"type":"string"},"fields":{"type":"string"},"unique":{"type":"boolean"},"missing":{"type":"boolean"},"bytes":{"type":["integer","null"]}}}}}}}}}
        """;

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/database", "getDatabase", "The primary database with its version, standbys, connections and the declared indexes with their sizes", "platform.database:read", DescribeAsync) { Answer = Answer.Written("DatabaseView", Form) },
        new("POST", "/api/v1/database/optimize", "optimizeDatabase", "Make declared indexes again that are missing, and bring the planner's figures up to date", "platform.database:update", OptimizeAsync) { Answer = Answer.Of<DatabaseOptimized>() },
    ];

    private IStorageMaintenance Maintenance => host.GetService<IStorageMaintenance>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no storage.");

    private ImmutableArray<ResourceDescriptor> Resources => [.. host.GetRequiredService<IPlugins>().Current.Plugins.SelectMany(p => p.Resources).Where(r => r.View is null)];

    private async Task DescribeAsync(HttpContext context)
    {
        var found = await Maintenance.DescribeAsync(Resources, context.RequestAborted);
        PoolUse[] pools = [.. host.GetServices<IConnectionPools>().SelectMany(p => p.List())];
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("primary", found.Engine);
            json.WriteString("version", found.Version);
            json.WriteString("place", found.Place);
            json.WriteNumber("bytes", found.Bytes);
            json.WriteStartArray("standbys");
            foreach (var standby in found.Standbys)
                json.WriteStringValue(standby);
            json.WriteEndArray();
            json.WriteStartArray("pools");
            foreach (var pool in pools)
            {
                json.WriteStartObject();
                json.WriteString("name", pool.Name);
                json.WriteNumber("inUse", pool.InUse);
                json.WriteNumber("idle", pool.Idle);
                json.WriteNumber("max", pool.Max);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("tables");
            foreach (var table in found.Tables)
                Write(json, table);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static void Write(Utf8JsonWriter json, TableDescription table)
    {
        json.WriteStartObject();
        json.WriteString("name", table.Name);
        Write(json, "bytes", table.Bytes);
        json.WriteStartArray("indexes");
        foreach (var index in table.Indexes)
        {
            json.WriteStartObject();
            json.WriteString("name", index.Name);
            json.WriteString("fields", string.Join(", ", index.Fields));
            json.WriteBoolean("unique", index.Unique);
            json.WriteBoolean("missing", !index.IsThere);
            Write(json, "bytes", index.Bytes);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } known) json.WriteNumber(name, known);
        else json.WriteNull(name);
    }

    private async Task OptimizeAsync(HttpContext context)
    {
        var started = Stopwatch.GetTimestamp();
        // What has begun is not left half-done because its caller hung up.
        var made = await Maintenance.OptimizeAsync(Resources, CancellationToken.None);
        if (host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), "platform.database.optimized", "database", AuditResult.Success, JsonSerializer.SerializeToUtf8Bytes(made)), CancellationToken.None);
        if (host.GetService<IEvents>() is { } events)
            await events.PublishAsync(new EventMessage { Name = "system.maintenance", Data = JsonSerializer.SerializeToUtf8Bytes(new { operation = "optimize", indexesMade = made }) }, cancellationToken: CancellationToken.None);
        await JsonAnswer.SendAsync(context, new DatabaseOptimized(made, (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds));
    }
}

/// <summary>What the care of the database did.</summary>
internal sealed record DatabaseOptimized(ImmutableArray<string> IndexesMade, long Milliseconds);
