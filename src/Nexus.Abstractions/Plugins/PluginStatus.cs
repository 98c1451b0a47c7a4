using System.Collections.Immutable;

namespace Nexus;

/// <summary>States of a plugin.</summary>
public enum PluginState
{
    /// <summary>Found, not looked into.</summary>
    Discovered,

    /// <summary>Manifest, package and dependencies are checked; no code is touched.</summary>
    Validating,

    /// <summary>Assemblies are being loaded.</summary>
    Loading,

    /// <summary>Code is in memory; nothing of it ran but <see cref="IPlugin.Configure"/>.</summary>
    Loaded,

    /// <summary>Migrations and <see cref="IStart"/> run.</summary>
    Initializing,

    /// <summary>Routes, resources, handlers and services are checked against those of the others and published.</summary>
    Registering,

    /// <summary>Serves.</summary>
    Active,

    /// <summary>Drains.</summary>
    Stopping,

    /// <summary>Not in memory.</summary>
    Stopped,

    /// <summary>Did not come up; see phase, cause and remedy.</summary>
    Failed,

    /// <summary>Its old code would not leave memory, or a crash loop was cut.</summary>
    Quarantined,
}

/// <summary>What is known of a plugin now.</summary>
public sealed record PluginStatus
{
    /// <summary>Its id.</summary>
    public required string Id { get; init; }

    /// <summary>Version of the active generation, else of the installed package; empty when the manifest is unreadable.</summary>
    public required string Version { get; init; }

    /// <summary>Its state.</summary>
    public required PluginState State { get; init; }

    /// <summary>The stored flag.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Its manifest; null when unreadable.</summary>
    public PluginManifest? Manifest { get; init; }

    /// <summary><c>core</c>, <c>custom</c> or <c>third-party</c>.</summary>
    public string Origin { get; init; } = "custom";

    /// <summary>How its code is kept apart.</summary>
    public PluginIsolation Isolation { get; init; }

    /// <summary>Number of the active generation, 0 when none.</summary>
    public long Generation { get; init; }

    /// <summary>State in which it failed.</summary>
    public PluginState? FailedIn { get; init; }

    /// <summary>Why it failed, for operators.</summary>
    public string? Cause { get; init; }

    /// <summary>What to do about it.</summary>
    public string? Remedy { get; init; }

    /// <summary>What is wrong although it serves, such as old code that did not leave memory; null when nothing is.</summary>
    public string? Warning { get; init; }

    /// <summary>What waits for the node's next start, such as a new version of a stable plugin; null when nothing does.</summary>
    public string? Pending { get; init; }

    /// <summary>The version that serves a part of the callers beside the active one; null when none does.</summary>
    public PluginRollout? Rollout { get; init; }

    /// <summary>Last health.</summary>
    public PluginHealth Health { get; init; } = PluginHealth.Healthy;

    /// <summary>When it entered <see cref="State"/>, UTC.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>SHA-256 of the active package's content, hex; empty for a plugin compiled into the host program.</summary>
    public string ContentHash { get; init; } = "";

    /// <summary>Content hashes of the packages that are kept for a rollback, newest first.</summary>
    public ImmutableArray<string> Previous { get; init; } = [];

    /// <summary>Old generations that are still in memory.</summary>
    public int GenerationsAlive { get; init; }

    /// <summary>Leases held on the active generation now.</summary>
    public long InFlight { get; init; }
}

/// <summary>A version on its way to all callers.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Generation">Its generation.</param>
/// <param name="Percent">Share of the callers that reach it.</param>
public sealed record PluginRollout(string Version, long Generation, double Percent);

/// <summary>A step of a long command, for progress bars.</summary>
/// <param name="Plugin">The plugin concerned.</param>
/// <param name="Step">What is being done, in words.</param>
/// <param name="Fraction">0 to 1, or null when it cannot be told.</param>
public sealed record PluginProgress(string Plugin, string Step, double? Fraction = null);

/// <summary>A command of an operator to the kernel.</summary>
/// <param name="Id">The plugin; empty where the command finds it out itself.</param>
public abstract record PluginCommand(string Id)
{
    /// <summary>Install from a folder, a <c>.nxp</c> file or a single <c>.cs</c> file's build output; or update when the plugin exists and <paramref name="Update"/> says so.</summary>
    /// <param name="Path">Absolute path.</param>
    /// <param name="Update">Replace an installed plugin by a swap.</param>
    /// <param name="Force">Accept a lower version.</param>
    /// <param name="Activate">Start it.</param>
    public sealed record Install(string Path, bool Update = false, bool Force = false, bool Activate = true) : PluginCommand("");

    /// <summary>Swap back to the previous kept version.</summary>
    /// <param name="Id">The plugin.</param>
    public sealed record Rollback(string Id) : PluginCommand(Id);

    /// <summary>Stop, forget and optionally delete its data.</summary>
    /// <param name="Id">The plugin.</param>
    /// <param name="Force">Also when others depend on it or it is core.</param>
    /// <param name="DeleteData">Also its part of the document tree, its tables and blobs.</param>
    public sealed record Remove(string Id, bool Force = false, bool DeleteData = false) : PluginCommand(Id);

    /// <summary>Let a part of the callers reach a new version while the others stay with the one that serves. A caller stays with its version.</summary>
    /// <param name="Id">The plugin.</param>
    /// <param name="Percent">Share of the callers; 100 promotes the version to all of them, 0 aborts.</param>
    /// <param name="Path">Absolute path of the new version's folder or package, where a rollout begins; null changes the one under way.</param>
    public sealed record Rollout(string Id, double Percent, string? Path = null) : PluginCommand(Id);

    /// <summary>Set the stored flag and start.</summary>
    /// <param name="Id">The plugin.</param>
    public sealed record Enable(string Id) : PluginCommand(Id);

    /// <summary>Clear the stored flag and stop.</summary>
    /// <param name="Id">The plugin.</param>
    /// <param name="Force">Also when others depend on it.</param>
    public sealed record Disable(string Id, bool Force = false) : PluginCommand(Id);

    /// <summary>Swap the plugin for a fresh generation of what is on disk now (also retries a failed one).</summary>
    /// <param name="Id">The plugin.</param>
    public sealed record Reload(string Id) : PluginCommand(Id);

    /// <summary>Stop a plugin that harms the node and keep it stopped, as Quarantined, until an operator reloads it. The stored flag stays.</summary>
    /// <param name="Id">The plugin.</param>
    /// <param name="Cause">What it did, for operators.</param>
    public sealed record Quarantine(string Id, string Cause) : PluginCommand(Id);

    /// <summary>Look into the plugin folders again and report the newly found; nothing is loaded.</summary>
    public sealed record Discover() : PluginCommand("");
}
