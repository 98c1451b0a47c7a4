using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Configuration;

/// <summary>Keeps what operators set at run time in the document tree, and gives it to the configuration at the start: a plugin's section in <c>plugins/{category}/{plugin}/config</c>, all else in <see cref="Path"/>, which also names the sections that lie elsewhere.</summary>
internal sealed partial class StoredSettings(NexusConfiguration configuration, IServiceProvider host, TimeProvider time, ILogger<StoredSettings> logger) : ISettings, IHostedService, IDisposable
{
    /// <summary>Where the stored settings are, in the document tree of the default tenant.</summary>
    public const string Path = "core/settings/configuration";

    /// <summary>Member of the document at <see cref="Path"/>: plugin → path of its section.</summary>
    private const string Elsewhere = "$elsewhere";

    private readonly SemaphoreSlim gate = new(1);
    private IDisposable[] following = [];

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
        // First the ear, then the eye: what another node stores in between is told.
        following = host.GetService<IChanges>() is { } changes ? [changes.Follow(Path, (_, token) => FollowAsync(token)), changes.Follow("plugins/", (change, token) => change.Path?.EndsWith("/config", StringComparison.Ordinal) == false ? Task.CompletedTask : FollowAsync(token))] : [];
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

    public void Dispose()
    {
        foreach (var one in following)
        {
            one.Dispose();
        }

        gate.Dispose();
    }

    /// <summary>Takes over what another node stored.</summary>
    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (host.GetService<IStorage>() is { } storage)
            {
                configuration.SetStored((await ReadAsync(storage, cancellationToken)).Settings);
            }
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task<SettingsChange> StoreAsync(JsonObject patch, Func<ImmutableArray<FieldError>> check, CancellationToken cancellationToken)
    {
        var storage = host.GetService<IStorage>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no storage for settings.");
        await gate.WaitAsync(cancellationToken);
        try
        {
            var before = await ReadAsync(storage, cancellationToken);
            var after = (JsonObject)before.Settings.DeepClone();
            Join(after, ById(patch));

            // Applied before it is written: only what validates as a part of the whole may be stored.
            var change = configuration.SetStored(after);
            try
            {
                if (check() is { IsEmpty: false } errors)
                {
                    throw new NexusException(ErrorCodes.ConfigurationError, "The configuration is not valid.") { Errors = errors };
                }

                await WriteAsync(storage, after, before, cancellationToken);
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

    /// <summary>The same change with each plugin's section under its whole id, so that a value is stored under one key however it was spelled.</summary>
    private JsonObject ById(JsonObject patch)
    {
        var result = (JsonObject)patch.DeepClone();
        foreach (var id in result["plugins"] is JsonObject ? configuration.ListNestedIds() : [])
        {
            var (sections, path) = ((JsonObject)result["plugins"]!, id.Split('.'));
            if (path[..^1].Aggregate<string, JsonObject?>(sections, (at, word) => at?[word] as JsonObject) is not { } parent || !parent.Remove(path[^1], out var nested))
            {
                continue;
            }

            if (parent.Count == 0 && path.Length == 2)
            {
                sections.Remove(path[0]);
            }

            if (nested is JsonObject under && sections[id] is JsonObject over)
            {
                Join(under, over);
            }
            else if (sections.ContainsKey(id))
            {
                continue;
            }

            sections[id] = nested;
        }

        return result;
    }

    /// <summary>Writes all documents that differ as one.</summary>
    private async Task WriteAsync(IStorage storage, JsonObject settings, Stored before, CancellationToken cancellationToken)
    {
        var core = (JsonObject)settings.DeepClone();
        var elsewhere = new JsonObject();
        var writes = ImmutableArray.CreateBuilder<RecordWrite>();
        if (core["plugins"] is JsonObject sections)
        {
            foreach (var (plugin, section) in sections.ToList())
            {
                if (section is null || PlaceOf(plugin, before) is not { } place)
                {
                    continue;
                }

                sections.Remove(plugin);
                elsewhere[plugin] = place;
                Write(place, section, before.Sections.GetValueOrDefault(place));
            }

            if (sections.Count == 0)
            {
                core.Remove("plugins");
            }
        }

        foreach (var (place, record) in before.Sections.Where(s => elsewhere.All(e => (string)e.Value! != s.Key)))
        {
            Write(place, null, record);
        }

        if (elsewhere.Count > 0)
        {
            core[Elsewhere] = elsewhere;
        }

        Write(Path, core, before.Core);
        await storage.CommitAsync(new WriteBatch { Writes = writes.DrainToImmutable() }, cancellationToken);

        void Write(string path, JsonNode? value, StoredRecord? old)
        {
            var json = value is null ? null : System.Text.Encoding.UTF8.GetBytes(value.ToJsonString());
            if (json is null ? old is null : old is not null && old.Json.Span.SequenceEqual(json))
            {
                return;
            }

            var now = time.GetUtcNow();
            var revision = old?.Revision ?? 0;
            var record = json is null ? null : new StoredRecord { Id = path, Revision = revision + 1, CreatedAt = old?.CreatedAt ?? now, UpdatedAt = now, Json = json };
            writes.Add(new RecordWrite { Key = KeyOf(path), Record = record, ExpectedRevision = revision });
        }
    }

    /// <summary>Where a plugin's section lies; null for keys of the platform and plugins that this node does not know.</summary>
    private string? PlaceOf(string plugin, Stored before) =>
        before.Places.GetValueOrDefault(plugin) ?? (host.GetService<IPlugins>()?.List().FirstOrDefault(p => p.Id == plugin)?.Manifest is { } manifest ? manifest.DocumentRoot + "/config" : null);

    private static async Task<Stored> ReadAsync(IStorage storage, CancellationToken cancellationToken)
    {
        var core = await storage.FindAsync(KeyOf(Path), cancellationToken);
        var settings = Parse(core);
        var places = settings[Elsewhere] is JsonObject named ? named.ToImmutableDictionary(e => e.Key, e => (string)e.Value!, StringComparer.Ordinal) : ImmutableDictionary<string, string>.Empty;
        settings.Remove(Elsewhere);
        var sections = ImmutableDictionary.CreateBuilder<string, StoredRecord>(StringComparer.Ordinal);
        foreach (var (plugin, place) in places)
        {
            // Gone with the plugin's data when that was deleted.
            if (await storage.FindAsync(KeyOf(place), cancellationToken) is not { } record)
            {
                continue;
            }

            sections[place] = record;
            if (settings["plugins"] is not JsonObject all)
            {
                settings["plugins"] = all = [];
            }

            all[plugin] = Parse(record);
        }

        return new Stored(settings, core, places, sections.ToImmutable());
    }

    private static JsonObject Parse(StoredRecord? record)
    {
        try
        {
            return record is null ? [] : JsonNode.Parse(record.Json.Span) as JsonObject ?? [];
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new NexusException(ErrorCodes.StorageCorrupt, $"The stored document {record!.Id} is not JSON: {e.Message} Restore it from a backup, or delete it to go back to the files.", e);
        }
    }

    private static RecordKey KeyOf(string path) => new(CallContext.DefaultTenant, IStorage.Documents, path);

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

    /// <summary>All documents as one, and what they were made of.</summary>
    /// <param name="Settings">The whole.</param>
    /// <param name="Core">The document at <see cref="Path"/>.</param>
    /// <param name="Places">Paths of sections, by plugin.</param>
    /// <param name="Sections">The documents at these paths.</param>
    private sealed record Stored(JsonObject Settings, StoredRecord? Core, ImmutableDictionary<string, string> Places, ImmutableDictionary<string, StoredRecord> Sections);
}
