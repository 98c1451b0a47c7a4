namespace Nexus.Data.Audit;

/// <summary>The trail as a plugin sees it. Core and security plugins speak for the platform; any other only for itself, so that it cannot forge what it did not do.</summary>
internal sealed class PluginAuditTrail(IAuditTrail trail, PluginManifest manifest) : IAuditTrail
{
    public bool IsKept => trail.IsKept;

    public ValueTask RecordAsync(AuditEntry entry, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return manifest.Category is PluginCategory.Core or PluginCategory.Security || entry.Action.StartsWith(manifest.Name + ".", StringComparison.Ordinal)
            ? trail.RecordAsync(entry, cancellationToken)
            : throw new NexusException(ErrorCodes.PluginPermissionDenied, $"The plugin {manifest.Name} may record actions that begin with '{manifest.Name}.', not '{entry.Action}'.");
    }
}
