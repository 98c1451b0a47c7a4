using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>What operators decided about the capabilities of plugins, kept in the document tree at <c>core/plugin-permissions/{id}</c>, and what each plugin used up of its quotas.</summary>
internal sealed partial class CapabilityDecisions(IServiceProvider host, PluginsOptions options, TimeProvider time, ILoggerFactory loggers) : IPluginPermissions, IDisposable
{
    private const string Prefix = "core/plugin-permissions/";

    private readonly ConcurrentDictionary<string, Allowance> allowances = new(StringComparer.Ordinal);
    private readonly ILogger logger = loggers.CreateLogger("Nexus.Plugins");
    private IDisposable? following;

    /// <summary>The guard of one generation, with what was decided before.</summary>
    public async Task<CapabilityGuard> GuardAsync(PluginManifest manifest, CancellationToken cancellationToken)
    {
        following ??= host.GetService<IChanges>()?.Follow(Prefix, FollowAsync);
        var allowance = allowances.GetOrAdd(manifest.Name, id => new Allowance(id, QuotaOf(id), time));
        allowance.Decision = await ReadAsync(manifest.Name, cancellationToken);
        return new CapabilityGuard(manifest, allowance, options.StrictCapabilities, Report);
    }

    /// <summary>What a plugin that ran here used up.</summary>
    public Allowance? Find(string plugin) => allowances.GetValueOrDefault(plugin);

    public async ValueTask<PluginPermissions> GetAsync(PluginManifest manifest, CancellationToken cancellationToken) =>
        Describe(manifest, await ReadAsync(manifest.Name, cancellationToken));

    public async ValueTask<PluginPermissions> ChangeAsync(PluginManifest manifest, PermissionChange change, CancellationToken cancellationToken)
    {
        var (grant, deny, revoke) = (Named(change.Grant), Named(change.Deny), Named(change.Revoke));
        Check(manifest, [.. grant, .. deny, .. revoke]);
        var before = await ReadAsync(manifest.Name, cancellationToken);
        var granted = before.Granted.Except(deny).Except(revoke).Union(grant);
        var taken = revoke.Where(c => !before.Granted.Contains(c) || Asked(manifest, c));
        var next = new CapabilityDecision(granted, before.Denied.Union(deny).Union(taken).Except(grant));
        await WriteAsync(manifest.Name, next, cancellationToken);
        if (allowances.TryGetValue(manifest.Name, out var allowance))
            allowance.Decision = next;
        return Describe(manifest, next);
    }

    public void Dispose() => following?.Dispose();

    /// <summary>What was decided on another node holds here for plugins that run.</summary>
    private async Task FollowAsync(DocumentChange change, CancellationToken cancellationToken)
    {
        foreach (var (plugin, allowance) in allowances)
        {
            if (change.Path is null || change.Path == Prefix + plugin)
                allowance.Decision = await ReadAsync(plugin, cancellationToken);
        }
    }

    private static ImmutableArray<string> Named(ImmutableArray<string> names) => names.IsDefault ? [] : names;

    private static bool Asked(PluginManifest manifest, string capability) => Capability.Own.Contains(capability) || manifest.Permissions.Any(p => p.Name == capability);

    private static void Check(PluginManifest manifest, IEnumerable<string> names)
    {
        var known = Capability.Own.Concat(Capability.Outward).Concat(manifest.Permissions.Select(p => p.Name)).ToHashSet(StringComparer.Ordinal);
        var wrong = names.Where(n => !known.Contains(n)).Distinct().ToList();
        if (wrong.Count > 0)
            throw new NexusException(ErrorCodes.ValidationError, $"There is no capability {string.Join(", ", wrong)}.") { Errors = [.. wrong.Select(n => new FieldError("/" + n, "unknown", $"'{n}' is no capability{(Schemas.Suggestion.Find(n, known) is { } near ? $" (did you mean '{near}'?)" : "")}; there are {string.Join(", ", known.Order(StringComparer.Ordinal))}."))] };
    }

    private PluginPermissions Describe(PluginManifest manifest, CapabilityDecision decision) => new(
        manifest.Name,
        manifest.Permissions,
        [.. CapabilityGuard.Allowed(manifest, decision, options.StrictCapabilities).Order(StringComparer.Ordinal)],
        [.. decision.Denied.Order(StringComparer.Ordinal)]);

    private PluginQuota QuotaOf(string plugin) => options.Quotas.TryGetValue(plugin, out var own) ? own : options.Quotas.TryGetValue("default", out var all) ? all : new PluginQuota();

    /// <summary>Takes a refusal down; the refused call does not wait for it.</summary>
    private void Report(string plugin, string capability, string? target)
    {
        PluginLog.Denied(logger, plugin, capability, target ?? "");
        if (host.GetService<IAuditTrail>() is { } trail)
            _ = RecordAsync(trail, AuditEntry.For(CallContext.Current, time.GetUtcNow(), "platform.plugin.capability_denied", $"plugins/{plugin}", AuditResult.Denied, JsonSerializer.SerializeToUtf8Bytes(new Refusal(capability, target), DecisionJson.Default.Refusal)));
    }

    private static async Task RecordAsync(IAuditTrail trail, AuditEntry entry) => await trail.RecordAsync(entry);

    private async Task<CapabilityDecision> ReadAsync(string plugin, CancellationToken cancellationToken)
    {
        if (host.GetService<IStorage>() is { } storage)
            return await storage.FindAsync(Key(plugin), cancellationToken) is { } stored ? JsonSerializer.Deserialize(stored.Json.Span, DecisionJson.Default.CapabilityDecision)! : CapabilityDecision.None;
        return allowances.TryGetValue(plugin, out var known) ? known.Decision : CapabilityDecision.None;
    }

    private async Task WriteAsync(string plugin, CapabilityDecision decision, CancellationToken cancellationToken)
    {
        if (host.GetService<IStorage>() is not { } storage)
            return;
        var current = await storage.FindAsync(Key(plugin), cancellationToken);
        await storage.CommitAsync(
            new WriteBatch
            {
                Writes =
                [
                    new RecordWrite
                    {
                        Key = Key(plugin),
                        ExpectedRevision = current?.Revision ?? 0,
                        Record = new StoredRecord { Id = Prefix + plugin, Revision = (current?.Revision ?? 0) + 1, CreatedAt = current?.CreatedAt ?? time.GetUtcNow(), UpdatedAt = time.GetUtcNow(), Json = JsonSerializer.SerializeToUtf8Bytes(decision, DecisionJson.Default.CapabilityDecision) },
                    },
                ],
            },
            cancellationToken);
    }

    private static RecordKey Key(string plugin) => new(CallContext.DefaultTenant, IStorage.Documents, Prefix + plugin);

    internal sealed record Refusal(string Capability, string? Target);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(CapabilityDecision))]
    [JsonSerializable(typeof(Refusal))]
    private sealed partial class DecisionJson : JsonSerializerContext;
}

/// <summary>An operator's decisions about one plugin.</summary>
internal sealed record CapabilityDecision(ImmutableHashSet<string> Granted, ImmutableHashSet<string> Denied)
{
    public static CapabilityDecision None { get; } = new([], []);
}
