using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins;

/// <summary>Settings of the plugin kernel, section <c>plugins</c>.</summary>
public sealed class PluginsOptions
{
    /// <summary>Folders whose sub-folders are plugins, absolute or relative to the working directory.</summary>
    public IList<string> Directories { get; } = [];

    /// <summary>Refuse packages without a signature of a trusted key. The host turns it on in production unless the configuration says otherwise.</summary>
    public bool RequireSignature { get; set; }

    /// <summary>What is trusted besides the keys of the folder <c>trust</c> in <see cref="DataDirectory"/>.</summary>
    public PluginTrustOptions Trust { get; set; } = new();

    /// <summary>Plugins may use nothing that their manifests do not ask for; off, what concerns their own part of the platform needs no asking.</summary>
    public bool StrictCapabilities { get; set; }

    /// <summary>What happens to a package whose code reaches around the platform's ports without asking. The host refuses it in production unless the configuration says otherwise.</summary>
    public CodeCheck CodeCheck { get; set; } = CodeCheck.Warn;

    /// <summary>Where plugins may connect to.</summary>
    public PluginOutboundOptions Outbound { get; set; } = new();

    /// <summary>Quotas by plugin id; that of <c>default</c> is for all others.</summary>
    public IDictionary<string, PluginQuota> Quotas { get; } = new Dictionary<string, PluginQuota>(StringComparer.Ordinal);

    /// <summary>Registries to search and to install from: folders with an <c>index.json</c>, or their http(s) addresses.</summary>
    public IList<string> Registries { get; } = [];

    /// <summary>Folder of the node's own files; packages are kept under <c>packages</c>.</summary>
    public string DataDirectory { get; set; } = "data";

    /// <summary>Limit of each step of one plugin's start: its code, its data, its start. Waiting for other plugins does not count.</summary>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Limit of one plugin's stop.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time after publication in which a retired generation still accepts requests that were matched to it.</summary>
    public TimeSpan Grace { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Time that in-flight work of a retired generation gets before it is aborted.</summary>
    public TimeSpan DrainLimit { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Time in which a retired generation must leave memory; after it the plugin is quarantined.</summary>
    public TimeSpan UnloadLimit { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Old generations of one plugin that may fail to leave memory; from then on its swaps are refused until the node restarts.</summary>
    public int MaxAlive { get; set; } = 3;

    /// <summary>Time after a swap in which a failing health check swaps back; zero turns the watch off.</summary>
    public TimeSpan WatchPeriod { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Time between two health checks of an active plugin; a tenth of <see cref="WatchPeriod"/>, at most this, while a swap is watched.</summary>
    public TimeSpan HealthInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Unhandled exceptions of a plugin's threads, pool items and timers within <see cref="FaultWindow"/> after which it is quarantined.</summary>
    public int FaultLimit { get; set; } = 5;

    /// <summary>Time in which <see cref="FaultLimit"/> counts.</summary>
    public TimeSpan FaultWindow { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Swap a plugin when its folder changes, and start plugins whose folder appears.</summary>
    public bool HotReload { get; set; } = true;

    /// <summary>Time between two looks into the plugin folders; a change notice of the file system comes sooner.</summary>
    public TimeSpan ScanInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Time between two measurements of what a plugin with a storage quota stores.</summary>
    public TimeSpan QuotaInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Honour <see cref="PluginManifest.Lazy"/>; false starts every plugin at once.</summary>
    public bool Lazy { get; set; } = true;

    /// <summary>Start only the versions and contents of <c>plugins.lock.json</c> in <see cref="DataDirectory"/>; false writes that file at each start.</summary>
    public bool Locked { get; set; }

    /// <summary>Only these plugins run on this node; empty means all.</summary>
    public IList<string> Only { get; } = [];

    /// <summary>No plugin but those of the category core runs on this node: it is a gateway.</summary>
    public bool OnlyCore { get; set; }

    /// <summary>Plugins compiled into the host program.</summary>
    public IList<BuiltInPlugin> BuiltIn { get; } = [];
}

/// <summary>What happens to a package whose code does what its manifest does not ask for.</summary>
public enum CodeCheck
{
    /// <summary>It is installed, and its status warns of it.</summary>
    Warn,

    /// <summary>It is not installed and does not start.</summary>
    Refuse,

    /// <summary>Nobody looks.</summary>
    Off,
}

/// <summary>Section <c>plugins:outbound</c>.</summary>
public sealed class PluginOutboundOptions
{
    /// <summary>Hosts, addresses and networks (<c>10.1.0.0/16</c>) that plugins may connect to although they are loopback, link-local or private.</summary>
    public IList<string> Allowed { get; } = [];

    /// <summary>Requests go through the proxy of the environment, which then decides what can be reached.</summary>
    public bool UseProxy { get; set; }
}

/// <summary>What a plugin may use up; null means no limit.</summary>
public sealed class PluginQuota
{
    /// <summary>Calls of its routes within a minute of the clock.</summary>
    public long? ApiCallsPerMinute { get; set; }

    /// <summary>Events it publishes within a minute of the clock.</summary>
    public long? EventsPerMinute { get; set; }

    /// <summary>Bytes that it stores in all tenants: records and documents as JSON, its own databases, blobs. Measured when the node starts and every <see cref="PluginsOptions.QuotaInterval"/>; records, documents and blobs are counted in between, SQL is not.</summary>
    public long? StorageBytes { get; set; }

    /// <summary>Bytes it has in this node's part of the cache; beyond them its own entries give way.</summary>
    public long? CacheBytes { get; set; }
}

/// <summary>Section <c>plugins:trust</c>.</summary>
public sealed class PluginTrustOptions
{
    /// <summary>Public keys whose packages are trusted: ECDSA P-256, SubjectPublicKeyInfo, base64.</summary>
    public IList<string> Keys { get; } = [];

    /// <summary>Folders of the operator's own: what lies there runs without a signature.</summary>
    public IList<string> Directories { get; } = [];
}

/// <summary>A plugin compiled into the host program: a core plugin of a room, or a single-file plugin.</summary>
/// <param name="Manifest">Its facts; <see cref="PluginManifest.Entry"/> is empty.</param>
/// <param name="Create">Makes the plugin, once a generation.</param>
public sealed record BuiltInPlugin(PluginManifest Manifest, Func<IPlugin> Create);
