using System.Collections.Frozen;

namespace Nexus;

/// <summary>The files of a plugin's folder <c>ui</c>, which browsers get: modules, pages of frames, pictures. Anybody may have them; they hold no data.</summary>
/// <param name="Digest">SHA-256 over all of them, lower-case hex, 16 characters; part of their address, so that one never changes under its address.</param>
/// <param name="Files">By path relative to the folder, with forward slashes.</param>
public sealed record PluginFiles(string Digest, FrozenDictionary<string, ReadOnlyMemory<byte>> Files)
{
    /// <summary>A plugin without the folder.</summary>
    public static PluginFiles Empty { get; } = new("", FrozenDictionary<string, ReadOnlyMemory<byte>>.Empty);

    /// <summary>Path below which they are served.</summary>
    public const string Root = "/console/files";

    /// <summary>Where browsers get a file.</summary>
    public string AddressOf(string plugin, string file) => $"{Root}/{plugin}/{Digest}/{file}";
}
