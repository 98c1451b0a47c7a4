using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins;

/// <summary>What the lifecycle needs of packages: finding them, keeping them, ordering them, and remembering what an operator decided.</summary>
internal interface IPackages
{
    /// <summary>What is remembered of plugins.</summary>
    IPluginRecords Records { get; }

    /// <summary>Looks into the plugin folders and among the installed ones; what it returns lies in immutable folders.</summary>
    Task<PackageScan> ScanAsync(CancellationToken cancellationToken);

    /// <summary>Verifies and keeps the package at a path.</summary>
    Task<PluginPackage> ImportAsync(string path, CancellationToken cancellationToken);

    /// <summary>The kept package of a content hash.</summary>
    Task<PluginPackage?> FindAsync(string contentHash, string sourcePath, CancellationToken cancellationToken);

    /// <summary>Orders packages into waves by their dependencies.</summary>
    PackageOrder Resolve(ImmutableArray<PluginPackage> packages);
}

/// <summary>What an operator decided about plugins, remembered across restarts.</summary>
internal interface IPluginRecords
{
    /// <summary>What swaps under way bring.</summary>
    IPluginArrivals Arrivals { get; }

    /// <summary>What is remembered of a plugin, or null.</summary>
    Task<PluginRecord?> ReadAsync(string id, CancellationToken cancellationToken);

    /// <summary>The highest version that ever ran here, also when the plugin was removed since; or null.</summary>
    Task<string?> HighestAsync(string id, CancellationToken cancellationToken);

    /// <summary>Remembers.</summary>
    Task WriteAsync(PluginRecord record, CancellationToken cancellationToken);

    /// <summary>Forgets a plugin and, when asked, its data. What lies of it in plugin folders is not started again until it changes or is installed.</summary>
    /// <returns>Where files of it still lie in plugin folders.</returns>
    Task<ImmutableArray<string>> RemoveAsync(PluginManifest manifest, bool deleteData, CancellationToken cancellationToken);
}

/// <summary>Notes of the packages that swaps under way bring, with migrations: the database may be theirs already when the process ends in between.</summary>
internal interface IPluginArrivals
{
    /// <summary>Takes over what all nodes shall run, before the first scan.</summary>
    Task JoinAsync(CancellationToken cancellationToken);

    /// <summary>The package that is on its way, or null.</summary>
    Task<KeptPackage?> FindArrivingAsync(string id, CancellationToken cancellationToken);

    /// <summary>Notes what a swap brings, or with null that it brings nothing; a change of the record ends it too.</summary>
    Task ArriveAsync(string id, KeptPackage? package, CancellationToken cancellationToken);
}

/// <summary>Packages in waves that may start side by side, and those whose needs are not met.</summary>
internal sealed record PackageOrder(ImmutableArray<ImmutableArray<PluginPackage>> Waves, ImmutableArray<PackageFault> Failures);
