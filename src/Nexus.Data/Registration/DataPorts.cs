using Microsoft.Extensions.DependencyInjection;
using Nexus.Data.Audit;
using Nexus.Data.Documents;
using Nexus.Data.Events;
using Nexus.Data.Measuring;
using Nexus.Data.Sharing;
using Nexus.Data.Units;

namespace Nexus.Data.Registration;

/// <summary>What a plugin gets of this room: its documents, its database, its blobs, its folder, its voice in the audit trail.</summary>
internal sealed class DataPorts(StorageOpener opener, UnitsOfWork units, IAuditTrail trail, IChanges changes, TimeProvider time, IEventSealing? sealing = null) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var set = opener.Set;
        var plugin = context.Manifest.Name;
        services.AddSingleton<IDocuments>(new PluginDocuments(set.Records, plugin, context.Manifest.DocumentRoot, time, SeesCore(context.Manifest)));
        services.AddSingleton<ISqlDatabase>(new MeasuredDatabase(context.Schema is { } schema ? new UnitDatabase(schema.Database, plugin) : new TenantDatabase(set.Sql, plugin), plugin, opener.Measures, sealing));
        services.AddSingleton<IUnitOfWork>(new PluginUnits(units, plugin));
        services.AddSingleton<IEventStreams>(new EventStreams(set.Records, plugin, time, sealing));
        services.AddSingleton<IBlobs>(new TenantBlobs(set.Blobs, plugin));
        services.AddSingleton(new PluginFolder(Path.Combine(opener.Folder, "files", plugin)));
        services.AddSingleton<IAuditTrail>(new PluginAuditTrail(trail, context.Manifest));
        if (context.Manifest.Category == PluginCategory.Core)
            services.AddSingleton<IChanges>(new PluginChanges(changes, context.Lease));
        if (context.SealsAudit)
            services.AddSingleton(set.Audit);
    }

    // Users, roles and settings belong to the platform, and a core plugin keeps them; anybody else who asks for the capability gets its own part only.
    private static bool SeesCore(PluginManifest manifest) =>
        manifest.Category == PluginCategory.Core && manifest.Permissions.Any(p => p.Name == PluginDocuments.CoreCapability);
}
