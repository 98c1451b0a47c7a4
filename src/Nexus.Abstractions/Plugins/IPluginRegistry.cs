using System.Collections.Immutable;

namespace Nexus;

/// <summary>The plugin registries this node takes packages from, as configured in <c>plugins.registries</c>. Thread-safe.</summary>
public interface IPluginRegistry
{
    /// <summary>Every configured registry, in order, with what it offers or why it cannot be read.</summary>
    ValueTask<ImmutableArray<PluginRepository>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Packages that match, of all registries that can be read; of one plugin only its highest version.</summary>
    ValueTask<ImmutableArray<PluginOffer>> SearchAsync(PluginSearch search, CancellationToken cancellationToken);

    /// <summary>Downloads a package and checks it against the registry's hash. No code of it runs.</summary>
    /// <param name="source"><c>id</c>, <c>id@range</c> (NuGet interval notation; the highest version in it), or the http(s) address of a <c>.nxp</c> file.</param>
    /// <param name="folder">An existing folder for the file.</param>
    /// <param name="cancellationToken">Stops the download.</param>
    /// <returns>Path of the package.</returns>
    /// <exception cref="NexusException"><c>PLUGIN_NOT_FOUND</c>, <c>PLUGIN_PACKAGE_INVALID</c> or <c>SERVICE_UNAVAILABLE</c>, naming the registry.</exception>
    ValueTask<string> FetchAsync(string source, string folder, CancellationToken cancellationToken);
}

/// <summary>What to look for; nulls match everything.</summary>
public sealed record PluginSearch
{
    /// <summary>Words that occur in id, name, description or tags; all of them, in any case.</summary>
    public string? Query { get; init; }

    /// <summary>Only this category.</summary>
    public PluginCategory? Category { get; init; }

    /// <summary>Only this author, in any case.</summary>
    public string? Author { get; init; }

    /// <summary>Only those with all these tags.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>Only those rated at least so; what is not rated counts as 0.</summary>
    public double? MinRating { get; init; }

    /// <summary><c>name</c>, <c>version</c>, <c>rating</c> or <c>category</c>; a minus before it turns the order round. Default: <c>name</c>.</summary>
    public string? Sort { get; init; }
}

/// <summary>One package of a registry.</summary>
public sealed record PluginOffer
{
    /// <summary>Id of the plugin.</summary>
    public required string Name { get; init; }

    /// <summary>SemVer version.</summary>
    public required string Version { get; init; }

    /// <summary>Its category.</summary>
    public required PluginCategory Category { get; init; }

    /// <summary>One sentence for people.</summary>
    public required string Description { get; init; }

    /// <summary>Name for people; the id when null.</summary>
    public string? DisplayName { get; init; }

    /// <summary>Who wrote it.</summary>
    public string? Author { get; init; }

    /// <summary>SPDX expression.</summary>
    public string? License { get; init; }

    /// <summary>Words to find it by.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>Range of host versions it runs on; null means any.</summary>
    public string? Requires { get; init; }

    /// <summary>0 to 5, as the registry's keeper rated it; null when it did not.</summary>
    public double? Rating { get; init; }

    /// <summary>Name of the package, relative to the registry.</summary>
    public required string File { get; init; }

    /// <summary>Bytes of the package.</summary>
    public required long Size { get; init; }

    /// <summary>SHA-256 of the package, lower-case hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Where it is offered; set by the node, not part of an index.</summary>
    public string Repository { get; init; } = "";
}

/// <summary>A configured registry.</summary>
/// <param name="Address">Folder or http(s) address.</param>
/// <param name="Packages">Number of packages; 0 when it cannot be read.</param>
/// <param name="Error">Why it cannot be read, or null.</param>
public sealed record PluginRepository(string Address, int Packages, string? Error);
