using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Nodes;
using Nexus.Kernel.Nodes.Rolling;
using Nexus.Kernel.Plugins.Trust;

namespace Nexus.Kernel.Plugins;

/// <summary>The node's packages: the content-addressed store over the node's storage, usable before the storage is open for what needs no records: a storage engine may itself be a package.</summary>
internal sealed class NodePackages(IServiceProvider host, PluginsOptions options) : IPackages, IPluginRecords, IPluginArrivals, IDisposable
{
    private readonly Lazy<PackageStore> store = new(() => new PackageStore(
        new PackageStoreOptions(Path.GetFullPath(options.DataDirectory), [.. options.Directories.Select(Path.GetFullPath)]),
        new LateStorage(host),
        host.GetRequiredService<TimeProvider>(),
        new PackageTrust(options, host.GetRequiredService<TimeProvider>()),
        () => NodeFile.Read(options.DataDirectory)));

    public IPluginRecords Records => this;

    public IPluginArrivals Arrivals => this;

    public Task JoinAsync(CancellationToken cancellationToken) => host.GetService<ClusterArrival>()?.TakeOverAsync(cancellationToken) ?? Task.CompletedTask;

    public Task<PackageScan> ScanAsync(CancellationToken cancellationToken) => store.Value.ScanAsync(cancellationToken);

    public Task<PluginPackage> ImportAsync(string path, CancellationToken cancellationToken) => store.Value.ImportAsync(path, cancellationToken);

    public Task<PluginPackage?> FindAsync(string contentHash, string sourcePath, CancellationToken cancellationToken) => store.Value.FindAsync(contentHash, sourcePath, cancellationToken);

    public Task<PluginRecord?> ReadAsync(string id, CancellationToken cancellationToken) => store.Value.ReadAsync(id, cancellationToken);

    public Task<KeptPackage?> FindArrivingAsync(string id, CancellationToken cancellationToken) => store.Value.FindArrivingAsync(id, cancellationToken);

    public Task ArriveAsync(string id, KeptPackage? package, CancellationToken cancellationToken) => store.Value.ArriveAsync(id, package, cancellationToken);

    public Task<string?> HighestAsync(string id, CancellationToken cancellationToken) => store.Value.HighestAsync(id, cancellationToken);

    public Task WriteAsync(PluginRecord record, CancellationToken cancellationToken) => store.Value.WriteAsync(record, cancellationToken);

    public async Task<ImmutableArray<string>> RemoveAsync(PluginManifest manifest, bool deleteData, CancellationToken cancellationToken)
    {
        var lying = await store.Value.DeleteAsync(manifest, cancellationToken);
        if (deleteData)
        {
            await host.GetRequiredService<ISchemaChanges>().DeleteAsync(manifest.Name, manifest.DocumentRoot, cancellationToken);
            if (host.GetService<IEventStore>() is { } events)
            {
                // Its groups go with what still waited for them.
                await events.DeclareAsync(manifest.Name, [], cancellationToken);
            }

            if (host.GetService<ISettings>() is { } settings)
            {
                await settings.StoreAsync(new JsonObject { ["plugins"] = new JsonObject { [manifest.Name] = null } }, cancellationToken);
            }
        }

        return lying;
    }

    public PackageOrder Resolve(ImmutableArray<PluginPackage> packages)
    {
        var resolution = DependencyResolver.Resolve(packages, Machine.Here);
        return new PackageOrder(resolution.Waves, resolution.Failures);
    }

    public void Dispose()
    {
        if (store.IsValueCreated)
        {
            store.Value.Dispose();
        }
    }

    private sealed class LateStorage(IServiceProvider host) : IStorage
    {
        private IStorage Opened => host.GetRequiredService<IStorage>();

        public bool IsShared => Opened.IsShared;

        public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken) => Opened.CommitAsync(batch, cancellationToken);

        public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => Opened.FindAsync(key, cancellationToken);

        public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => Opened.QueryAsync(query, cancellationToken);
    }
}
