using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The database of the node, for operators: what it is, its declared indexes, their care.</summary>
internal sealed class DatabaseRoutes(IServiceProvider host, TimeProvider time) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/database", "getDatabase", "The primary database with its version, standbys, connections and the declared indexes with their sizes", "platform.database:read", DescribeAsync),
        new("POST", "/api/v1/database/optimize", "optimizeDatabase", "Make declared indexes again that are missing, and bring the planner's figures up to date", "platform.database:update", OptimizeAsync),
    ];

    private IStorageMaintenance Maintenance => host.GetService<IStorageMaintenance>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no storage.");

    private ImmutableArray<ResourceDescriptor> Resources => [.. host.GetRequiredService<IPlugins>().Current.Plugins.SelectMany(p => p.Resources)];

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
        await JsonAnswer.SendAsync(context, new { indexesMade = made, milliseconds = (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds });
    }
}
