using System.Text.RegularExpressions;

namespace Nexus.Cli;

/// <summary>Where a plugin is installed from, as a person writes it: a folder, a package, a git repository, an address, or the id of a plugin in a registry.</summary>
internal sealed partial class PluginSource : IDisposable
{
    private readonly string? temporary;

    private PluginSource(string key, string value, string? temporary) => (Key, Value, this.temporary) = (key, value, temporary);

    /// <summary>Member of the request body: <c>path</c> or <c>source</c>.</summary>
    public string Key { get; }

    public string Value { get; }

    /// <summary>Makes sure that there is something to install; a git repository is cloned, built and packed.</summary>
    public static async Task<PluginSource> ResolveAsync(string text, CancellationToken cancellationToken)
    {
        if (text.StartsWith("git+", StringComparison.Ordinal))
            return await CloneAsync(text, cancellationToken);
        if (text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
            return new PluginSource("source", text, null);
        var path = Path.GetFullPath(text);
        if (File.Exists(path) || Directory.Exists(path))
            return new PluginSource("path", path, null);
        return Id().IsMatch(text)
            ? new PluginSource("source", text, null)
            : throw new CliException($"nexus: {path} does not exist, and '{text}' is neither an address (https://…, git+https://…) nor a plugin of a registry (shop.notes, shop.notes@1.2.0).", ExitCodes.Usage);
    }

    public void Dispose()
    {
        if (temporary is not null)
        {
            // Git writes its objects read-only.
            foreach (var file in new DirectoryInfo(temporary).EnumerateFiles("*", SearchOption.AllDirectories)) file.IsReadOnly = false;
            Directory.Delete(temporary, recursive: true);
        }
    }

    private static async Task<PluginSource> CloneAsync(string text, CancellationToken cancellationToken)
    {
        var match = Git().Match(text);
        if (!match.Success)
            throw new CliException($"nexus: '{text}' is not a git source; write git+https://host/repository.git, git+file:///folder or git+ssh://…, then @branch-or-tag and #subfolder where needed.", ExitCodes.Usage);
        var folder = Directory.CreateTempSubdirectory("nexus-git-").FullName;
        var source = new PluginSource("path", Path.Combine(folder, "plugin.nxp"), folder);
        try
        {
            var clone = Path.Combine(folder, "clone");
            List<string> arguments = ["-c", "protocol.ext.allow=never", "clone", "--quiet", "--depth", "1"];
            if (match.Groups["ref"].Success) arguments.AddRange(["--branch", match.Groups["ref"].Value]);
            await HostProgram.CaptureAsync("git", [.. arguments, "--", match.Groups["address"].Value, clone], folder, cancellationToken);
            var place = Path.GetFullPath(Path.Combine(clone, match.Groups["sub"].Value));
            if (place != clone && !place.StartsWith(clone + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw new CliException($"nexus: the folder '{match.Groups["sub"].Value}' leads out of the repository.", ExitCodes.Usage);
            var project = PluginProject.Find(place);
            await project.BuildReleaseAsync(cancellationToken);
            await HostProgram.CaptureAsync("dotnet", [HostProgram.Path, "tool", "pack", project.Output, source.Value], folder, cancellationToken);
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    [GeneratedRegex(@"^git\+(?<address>(https?|file|ssh)://[^@#\s]*(@[^@#\s/]+/[^@#\s]*)?)(@(?<ref>[A-Za-z0-9][\w./-]*))?(#(?<sub>[^\s]+))?$")]
    private static partial Regex Git();

    [GeneratedRegex(@"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*(@[0-9A-Za-z.,\-+\[\]()* ]+)?$")]
    private static partial Regex Id();
}
