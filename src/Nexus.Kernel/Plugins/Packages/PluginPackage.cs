using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins;

/// <summary>A verified package in its immutable folder.</summary>
/// <param name="Manifest">Its manifest.</param>
/// <param name="Directory">The immutable folder; the entry assembly lies in it.</param>
/// <param name="ContentHash">SHA-256 over its file list, lower-case hex.</param>
/// <param name="Origin"><c>core</c>, <c>custom</c> or <c>third-party</c>.</param>
/// <param name="SourcePath">Folder or <c>.nxp</c> file that it came from.</param>
internal sealed record PluginPackage(PluginManifest Manifest, string Directory, string ContentHash, string Origin, string SourcePath)
{
    /// <summary>It comes by a command now: its code is looked at before it is loaded.</summary>
    public bool IsArriving { get; init; }
}

/// <summary>Something about a package that did not hold.</summary>
/// <param name="Id">The plugin; the folder's or file's name when its manifest is unreadable.</param>
/// <param name="Path">Where it was found.</param>
/// <param name="Error">What is wrong.</param>
internal sealed record PackageFault(string Id, string Path, NexusException Error);

/// <summary>What was found. A fault whose id is also among the packages (a second package of one plugin) is a warning; the package is good.</summary>
internal sealed record PackageScan(ImmutableArray<PluginPackage> Packages, ImmutableArray<PackageFault> Faults);

/// <summary>A package in the node's store.</summary>
/// <param name="Hash">Its content hash.</param>
/// <param name="SourcePath">Where it came from.</param>
internal sealed record KeptPackage(string Hash, string SourcePath)
{
    public static KeptPackage Of(PluginPackage package) => new(package.ContentHash, package.SourcePath);
}

/// <summary>What the node remembers of a plugin; stored at <c>core/plugins/{id}</c>.</summary>
internal sealed record PluginRecord
{
    public required string Id { get; init; }

    public required PluginCategory Category { get; init; }

    public bool Enabled { get; init; } = true;

    /// <summary>Content hash of the package to run.</summary>
    public required string ActiveHash { get; init; }

    public required string Version { get; init; }

    /// <summary>Hashes kept for a rollback, newest first, at most three.</summary>
    public ImmutableArray<string> Previous { get; init; } = [];

    public required DateTimeOffset InstalledAt { get; init; }

    /// <summary>Where the package came from.</summary>
    public required string SourcePath { get; init; }

    /// <summary>Content hash of the source when it was last taken. While the source still has it, <see cref="ActiveHash"/> holds, so that a rollback survives a restart.</summary>
    public required string SourceHash { get; init; }

    /// <summary>Highest SQL migration of the active package; 0 when it has none.</summary>
    public int SchemaVersion { get; init; }

    /// <summary>The package that serves a part of the callers.</summary>
    public KeptPackage? Rollout { get; init; }

    /// <summary>Share of the callers that <see cref="Rollout"/> serves.</summary>
    public double RolloutPercent { get; init; }

    /// <summary>The record after another package became the active one.</summary>
    public PluginRecord Activate(PluginPackage package, DateTimeOffset now) => package.ContentHash == ActiveHash
        ? this with { SourcePath = package.SourcePath, SourceHash = package.ContentHash }
        : this with
        {
            ActiveHash = package.ContentHash,
            Version = package.Manifest.Version,
            Category = package.Manifest.Category,
            Previous = [.. Previous.Where(h => h != package.ContentHash).Prepend(ActiveHash).Take(3)],
            InstalledAt = now,
            SourcePath = package.SourcePath,
            SourceHash = package.ContentHash,
        };

    /// <summary>The record after a return to a kept package; the source stays as it is and is not taken again until it changes.</summary>
    public PluginRecord RollBack(PluginPackage package) => this with
    {
        ActiveHash = package.ContentHash,
        Version = package.Manifest.Version,
        Category = package.Manifest.Category,
        Previous = [.. Previous.Where(h => h != package.ContentHash)],
    };

    /// <summary>The first record of a plugin.</summary>
    public static PluginRecord First(PluginPackage package, DateTimeOffset now) => new()
    {
        Id = package.Manifest.Name,
        Category = package.Manifest.Category,
        ActiveHash = package.ContentHash,
        Version = package.Manifest.Version,
        InstalledAt = now,
        SourcePath = package.SourcePath,
        SourceHash = package.ContentHash,
    };
}
