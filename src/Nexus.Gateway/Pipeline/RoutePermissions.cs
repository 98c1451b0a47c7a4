using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Pipeline;

/// <summary>What the routes of lazy plugins ask of callers, remembered in the document tree at <c>core/plugin-routes/{id}</c> from the last time they ran, so that who may use none of them wakes none.</summary>
internal sealed partial class RoutePermissions(IServiceProvider host, PluginRoutes routes, IAuthorization authorization, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Asked?> known = new(StringComparer.Ordinal);

    /// <summary>A permission that the caller would need at least, as no route of the plugin is open to it; null when one is, or when this version never ran.</summary>
    public async ValueTask<string?> MissingAsync(PluginManifest plugin, CallContext caller, CancellationToken cancellationToken)
    {
        if (!known.TryGetValue(plugin.Name, out var asked))
            known[plugin.Name] = asked = await ReadAsync(plugin.Name, cancellationToken);
        if (asked is null || asked.Version != plugin.Version || asked.Permissions.IsDefaultOrEmpty)
            return null;
        foreach (var permission in asked.Permissions)
        {
            if ((await authorization.DecideAsync(caller, permission, cancellationToken)).Scope != AccessScope.None)
                return null;
        }

        return asked.Permissions[0];
    }

    /// <summary>Keeps what the routes of a plugin ask that has come up.</summary>
    public async Task RememberAsync(PluginManifest plugin, CancellationToken cancellationToken)
    {
        var facts = routes.Endpoints.Select(e => e.Metadata.GetMetadata<RouteFacts>()).OfType<RouteFacts>().Where(f => f.Plugin == plugin.Name).ToList();
        // A route that is open to everybody lets everybody wake it.
        ImmutableArray<string> permissions = facts.Exists(f => f.Permission is null) ? [] : [.. facts.Select(f => f.Permission!).Distinct().Order(StringComparer.Ordinal)];
        var asked = new Asked(plugin.Version, permissions);
        if (known.TryGetValue(plugin.Name, out var before) && before?.Version == asked.Version && before.Permissions.SequenceEqual(permissions))
            return;
        known[plugin.Name] = asked;
        if (host.GetService<IStorage>() is not { } storage)
            return;
        try
        {
            var stored = await storage.FindAsync(Key(plugin.Name), cancellationToken);
            var record = new StoredRecord
            {
                Id = Key(plugin.Name).Id,
                Revision = (stored?.Revision ?? 0) + 1,
                CreatedAt = stored?.CreatedAt ?? time.GetUtcNow(),
                UpdatedAt = time.GetUtcNow(),
                Json = JsonSerializer.SerializeToUtf8Bytes(asked, AskedJson.Default.Asked),
            };
            await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key(plugin.Name), ExpectedRevision = stored?.Revision ?? 0, Record = record }] }, cancellationToken);
        }
        catch (NexusException)
        {
            // Another node wrote the same, or the storage is away: the next start remembers it.
        }
    }

    private async Task<Asked?> ReadAsync(string plugin, CancellationToken cancellationToken) =>
        host.GetService<IStorage>() is { } storage && await storage.FindAsync(Key(plugin), cancellationToken) is { } stored ? JsonSerializer.Deserialize(stored.Json.Span, AskedJson.Default.Asked) : null;

    private static RecordKey Key(string plugin) => new(CallContext.DefaultTenant, IStorage.Documents, "core/plugin-routes/" + plugin);

    internal sealed record Asked(string Version, ImmutableArray<string> Permissions);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Asked))]
    private sealed partial class AskedJson : JsonSerializerContext;
}
