using System.Collections.Immutable;

namespace Nexus;

/// <summary>What each plugin may use, as its manifest asks and operators decide. A change counts at the plugin's next use. Thread-safe.</summary>
public interface IPluginPermissions
{
    /// <summary>What is asked for, granted and denied.</summary>
    ValueTask<PluginPermissions> GetAsync(PluginManifest manifest, CancellationToken cancellationToken);

    /// <summary>Stores an operator's decision.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c> for a capability that there is none of.</exception>
    ValueTask<PluginPermissions> ChangeAsync(PluginManifest manifest, PermissionChange change, CancellationToken cancellationToken);
}

/// <summary>Capabilities of one plugin.</summary>
/// <param name="Plugin">Its id.</param>
/// <param name="Requested">What its manifest asks for.</param>
/// <param name="Granted">What it may use now.</param>
/// <param name="Denied">What an operator took from it.</param>
public sealed record PluginPermissions(string Plugin, ImmutableArray<RequestedCapability> Requested, ImmutableArray<string> Granted, ImmutableArray<string> Denied);

/// <summary>A decision about capabilities.</summary>
/// <param name="Grant">May be used from now on, also when the manifest does not ask for them.</param>
/// <param name="Deny">May not be used, whatever the manifest asks for.</param>
/// <param name="Revoke">Takes a grant back; what the manifest asks for is denied.</param>
public sealed record PermissionChange(ImmutableArray<string> Grant = default, ImmutableArray<string> Deny = default, ImmutableArray<string> Revoke = default);

/// <summary>Names of the capabilities that the platform knows.</summary>
public static class Capability
{
    /// <summary>Read its own documents, records, SQL database and blobs.</summary>
    public const string DatabaseRead = "database.read";

    /// <summary>Change them.</summary>
    public const string DatabaseWrite = "database.write";

    /// <summary>Publish events.</summary>
    public const string EventsPublish = "events.publish";

    /// <summary>Receive events.</summary>
    public const string EventsSubscribe = "events.subscribe";

    /// <summary>Call services of other plugins.</summary>
    public const string Services = "services";

    /// <summary>Keep values in its own part of the cache.</summary>
    public const string Cache = "cache";

    /// <summary>Serve routes of its own.</summary>
    public const string ApiRegister = "api.register";

    /// <summary>Show its own part of the console.</summary>
    public const string UiRegister = "ui.register";

    /// <summary>Call other hosts over HTTP.</summary>
    public const string HttpExternal = "http.external";

    /// <summary>Read and write files outside of its own folder; code that does is refused or reported at install.</summary>
    public const string File = "file";

    /// <summary>Start processes and call native code; code that does is refused or reported at install.</summary>
    public const string Process = "process";

    /// <summary>What every plugin may use unless it is denied: it concerns the plugin's own part of the platform only.</summary>
    public static ImmutableArray<string> Own { get; } = [DatabaseRead, DatabaseWrite, EventsPublish, EventsSubscribe, Services, Cache, ApiRegister, UiRegister];

    /// <summary>What a plugin may use only when its manifest asks for it: it reaches out of the platform.</summary>
    public static ImmutableArray<string> Outward { get; } = [HttpExternal, File, Process];
}
