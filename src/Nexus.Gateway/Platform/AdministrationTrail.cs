using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Platform;

/// <summary>Carries out what operators do to plugins and settings, and takes it down in the audit trail, also when it was refused.</summary>
internal sealed class AdministrationTrail(IServiceProvider host, IPlugins plugins, TimeProvider time)
{
    /// <summary>Carries out a command on a plugin.</summary>
    public async Task<PluginStatus> ExecuteAsync(PluginCommand command, IProgress<PluginProgress>? progress)
    {
        var before = plugins.List().FirstOrDefault(p => p.Id == command.Id);
        try
        {
            // A command that has begun is not undone because its caller hung up.
            var status = await plugins.ExecuteAsync(command, progress, CancellationToken.None);
            await RecordAsync(ActionOf(command), $"plugins/{(status.Id.Length > 0 ? status.Id : command.Id)}", AuditResult.Success, Describe(command, before, status));
            return status;
        }
        catch (NexusException e)
        {
            var detail = Describe(command, before, null);
            detail["code"] = e.Code;
            detail["reason"] = e.Message;
            await RecordAsync(ActionOf(command), $"plugins/{command.Id}", AuditResult.Failure, detail);
            throw;
        }
    }

    /// <summary>Begins a command on all nodes; what becomes of it is the change's own record.</summary>
    public async Task<RollingChange> BeginAsync(IRollingChanges changes, PluginCommand command)
    {
        var detail = new JsonObject { ["allNodes"] = true };
        try
        {
            var change = await changes.BeginAsync(command, CancellationToken.None);
            (detail["change"], detail["newVersion"]) = (change.Number, change.Version);
            await RecordAsync(ActionOf(command), $"plugins/{change.Plugin}", AuditResult.Success, detail);
            return change;
        }
        catch (NexusException e)
        {
            (detail["code"], detail["reason"]) = (e.Code, e.Message);
            await RecordAsync(ActionOf(command), $"plugins/{command.Id}", AuditResult.Failure, detail);
            throw;
        }
    }

    /// <summary>Stores settings; the entry names each key whose effective value changed with its old and new value, secrets masked.</summary>
    public async Task<SettingsChange> StoreAsync(ISettings settings, string subject, Func<Task<SettingsChange>> store)
    {
        var before = Values(settings);
        try
        {
            var change = await store();
            var after = Values(settings);
            var changes = new JsonObject();
            foreach (var key in change.UpdatedKeys)
                changes[key.Replace(':', '.')] = new JsonObject { ["old"] = before.GetValueOrDefault(key), ["new"] = after.GetValueOrDefault(key) };
            await RecordAsync("platform.config.changed", subject, AuditResult.Success, new JsonObject { ["changes"] = changes, ["restartRequired"] = change.RestartRequired });
            return change;
        }
        catch (NexusException e)
        {
            await RecordAsync("platform.config.changed", subject, AuditResult.Failure, new JsonObject { ["code"] = e.Code, ["keys"] = new JsonArray([.. e.Errors.Select(x => (JsonNode)x.Pointer)]) });
            throw;
        }
    }

    /// <summary>Changes what a plugin may use.</summary>
    public async Task<PluginPermissions> ChangePermissionsAsync(PluginManifest plugin, PermissionChange change, Func<ValueTask<PluginPermissions>> store)
    {
        var detail = new JsonObject { ["grant"] = Names(change.Grant), ["deny"] = Names(change.Deny), ["revoke"] = Names(change.Revoke) };
        try
        {
            var permissions = await store();
            detail["granted"] = Names(permissions.Granted);
            detail["denied"] = Names(permissions.Denied);
            await RecordAsync("platform.plugin.permissions_changed", $"plugins/{plugin.Name}", AuditResult.Success, detail);
            return permissions;
        }
        catch (NexusException e)
        {
            detail["code"] = e.Code;
            await RecordAsync("platform.plugin.permissions_changed", $"plugins/{plugin.Name}", AuditResult.Failure, detail);
            throw;
        }
    }

    private static JsonArray Names(ImmutableArray<string> names) => [.. names.Select(n => (JsonNode)n)];

    private static ImmutableDictionary<string, string?> Values(ISettings settings) =>
        settings.Show().ToImmutableDictionary(v => v.Key, v => v.Secret || Secrets.IsNamedLikeOne(v.Key) ? "***" : v.Value, StringComparer.OrdinalIgnoreCase);

    private static string ActionOf(PluginCommand command) => command switch
    {
        PluginCommand.Install { Update: true } => "platform.plugin.updated",
        PluginCommand.Install => "platform.plugin.installed",
        PluginCommand.Rollout { Percent: 100 } => "platform.plugin.promoted",
        PluginCommand.Rollout => "platform.plugin.rolled_out",
        PluginCommand.Rollback => "platform.plugin.rolled_back",
        PluginCommand.Remove => "platform.plugin.removed",
        PluginCommand.Enable => "platform.plugin.enabled",
        PluginCommand.Disable => "platform.plugin.disabled",
        PluginCommand.Reload => "platform.plugin.reloaded",
        PluginCommand.Discover => "platform.plugin.discovered",
        _ => "platform.plugin.changed",
    };

    private static JsonObject Describe(PluginCommand command, PluginStatus? before, PluginStatus? after)
    {
        var detail = new JsonObject { ["oldVersion"] = before?.Version, ["newVersion"] = command is PluginCommand.Remove ? null : after?.Version };
        if (after?.ContentHash is { Length: > 0 } hash)
            detail["contentHash"] = hash;
        if (command is PluginCommand.Install { Force: true } or PluginCommand.Remove { Force: true } or PluginCommand.Disable { Force: true })
            detail["forced"] = true;
        if (command is PluginCommand.Rollout { Percent: var percent })
            detail["percent"] = percent;
        if (command is PluginCommand.Remove { DeleteData: true })
            detail["dataDeleted"] = true;
        return detail;
    }

    private async Task RecordAsync(string action, string subject, AuditResult result, JsonObject detail)
    {
        if (host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), action, subject, result, JsonSerializer.SerializeToUtf8Bytes(detail)), CancellationToken.None);
    }
}
