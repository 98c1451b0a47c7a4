using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Configuration;

/// <summary>Keeps what operators set at run time in the document <see cref="Path"/>, and gives it to the configuration at the start.</summary>
internal sealed partial class StoredSettings(NexusConfiguration configuration, IServiceProvider host, TimeProvider time, ILogger<StoredSettings> logger) : ISettings, IHostedService, IDisposable
{
    /// <summary>Where the stored settings are, in the document tree of the default tenant.</summary>
    public const string Path = "core/settings/configuration";

    private static readonly RecordKey Key = new(CallContext.DefaultTenant, IStorage.Documents, Path);

    private readonly SemaphoreSlim gate = new(1);

    public ImmutableArray<SettingValue> Show() => [.. configuration.Show().Select(v => new SettingValue(v.Key, v.Value, v.Source, v.Secret, v.Restart))];

    public Task<SettingsChange> StoreAsync(JsonObject patch, CancellationToken cancellationToken) => StoreAsync(patch, () => [], cancellationToken);

    public async Task<SettingsChange> StoreAsync(PluginManifest plugin, JsonObject patch, CancellationToken cancellationToken)
    {
        try
        {
            // The schema of a plugin that is off or did not come up may not be among the known ones.
            var section = new JsonObject { ["plugins"] = new JsonObject { [plugin.Name] = patch.DeepClone() } };
            return await StoreAsync(section, () => configuration.AddPlugin(plugin.Name, plugin.Configuration), cancellationToken);
        }
        catch (NexusException e) when (e.Code == ErrorCodes.ConfigurationError)
        {
            throw new NexusException(ErrorCodes.PluginConfigurationError, $"The configuration of {plugin.Name} is not valid: {string.Join("; ", e.Errors.Select(error => error.Message))}") { Errors = e.Errors };
        }
    }

    public SettingsChange Reload()
    {
        var change = configuration.Reload();
        return new SettingsChange(change.Keys, change.RestartRequired);
    }

    /// <summary>Loads the stored settings. Those that are not valid any more are left out and named, so that the node can be started and mended.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (host.GetService<IStorage>() is { } storage && await ReadAsync(storage, cancellationToken) is { Settings.Count: > 0 } stored)
        {
            try
            {
                configuration.SetStored(stored.Settings);
            }
            catch (NexusException e)
            {
                LeftOut(e.Message);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => gate.Dispose();

    private async Task<SettingsChange> StoreAsync(JsonObject patch, Func<ImmutableArray<FieldError>> check, CancellationToken cancellationToken)
    {
        var storage = host.GetService<IStorage>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no storage for settings.");
        await gate.WaitAsync(cancellationToken);
        try
        {
            var before = await ReadAsync(storage, cancellationToken);
            var after = (JsonObject)before.Settings.DeepClone();
            Join(after, patch);

            // Applied before it is written: only what validates as a part of the whole may be stored.
            var change = configuration.SetStored(after);
            try
            {
                if (check() is { IsEmpty: false } errors)
                {
                    throw new NexusException(ErrorCodes.ConfigurationError, "The configuration is not valid.") { Errors = errors };
                }

                await WriteAsync(storage, after, before.Record, cancellationToken);
            }
            catch
            {
                configuration.SetStored(before.Settings);
                throw;
            }

            return new SettingsChange(change.Keys, change.RestartRequired);
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task WriteAsync(IStorage storage, JsonObject settings, StoredRecord? before, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var revision = before?.Revision ?? 0;
        var record = new StoredRecord { Id = Path, Revision = revision + 1, CreatedAt = before?.CreatedAt ?? now, UpdatedAt = now, Json = System.Text.Encoding.UTF8.GetBytes(settings.ToJsonString()) };
        await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = Key, Record = record, ExpectedRevision = revision }] }, cancellationToken);
    }

    private static async Task<(JsonObject Settings, StoredRecord? Record)> ReadAsync(IStorage storage, CancellationToken cancellationToken)
    {
        var record = await storage.FindAsync(Key, cancellationToken);
        try
        {
            return (record is null ? [] : JsonNode.Parse(record.Json.Span) as JsonObject ?? [], record);
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new NexusException(ErrorCodes.StorageCorrupt, $"The stored document {Path} is not JSON: {e.Message} Restore it from a backup, or delete it to go back to the files.", e);
        }
    }

    /// <summary>JSON Merge Patch (RFC 7396), but a mask that came out of <see cref="Show"/> does not go in.</summary>
    private static void Join(JsonObject into, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            if (value is null)
            {
                into.Remove(name);
            }
            else if (value is JsonObject inner)
            {
                var below = into[name] as JsonObject ?? [];
                Join(below, inner);
                into[name] = below.Parent is null ? below : below.DeepClone();
            }
            else if (value.GetValueKind() != System.Text.Json.JsonValueKind.String || value.GetValue<string>() != ConfigurationState.Mask)
            {
                into[name] = value.DeepClone();
            }
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The stored settings are left out, as they are not valid: {Cause}")]
    private partial void LeftOut(string cause);
}
