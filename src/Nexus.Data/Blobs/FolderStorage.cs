using System.Diagnostics;
using System.Globalization;

namespace Nexus.Data.Blobs;

/// <summary>The store <c>files</c>: the folder <c>blobs.directory</c>, which nodes may share.</summary>
internal sealed class FolderStorage : IBlobEngine
{
    public string Name => "files";

    public ValueTask<BlobSet> OpenAsync(BlobOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Settings["directory"] is not { Length: > 0 } directory)
        {
            const string message = "blobs.type is files, which needs blobs.directory: a folder that all nodes see.";
            throw new NexusException(ErrorCodes.ConfigurationError, message) { Errors = [new FieldError("blobs.directory", "required", message)] };
        }

        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        // A folder of a share that is not mounted would take blobs that no other node sees.
        if (!Directory.Exists(folder))
            throw new NexusException(ErrorCodes.StorageUnavailable, $"The folder of blobs {folder} is not there. Mount or make it, or name another in blobs.directory.");
        var blobs = new FolderBlobs(folder, options.Time);
        try
        {
            blobs.RemoveUnfinished();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NexusException(ErrorCodes.StorageUnavailable, $"The folder of blobs {folder} cannot be used: {e.Message} Give the user of the node the right to write there.", e);
        }

        return ValueTask.FromResult(new BlobSet(blobs) { CheckHealth = _ => ValueTask.FromResult(Check(folder)), Close = () => ValueTask.CompletedTask });
    }

    private static PluginHealth Check(string folder)
    {
        var started = Stopwatch.GetTimestamp();
        var probe = Path.Combine(folder, $".probe-{Guid.NewGuid():N}");
        try
        {
            File.WriteAllBytes(probe, [1]);
            File.Delete(probe);
            return new PluginHealth(HealthLevel.Healthy, string.Create(CultureInfo.InvariantCulture, $"{folder} writes in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0.0} ms"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new PluginHealth(HealthLevel.Unhealthy, $"{folder}: {e.Message}");
        }
    }
}
