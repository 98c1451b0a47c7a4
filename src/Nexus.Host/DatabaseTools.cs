using Microsoft.Extensions.DependencyInjection;
using Nexus.Data;

namespace Nexus;

/// <summary>What <c>nexus db</c> does while no host runs on the data folder.</summary>
internal static class DatabaseTools
{
    /// <summary>Opens the database, which makes it where there is none and fails when a host runs on it.</summary>
    public static async Task<string> InitAsync(string[] settings)
    {
        await using var app = NexusHost.Build(settings);
        await StorageOpener.OpenAsync(app.Services);
        return $"{app.Services.GetRequiredService<StorageOpener>().Engine} in {Folder(app)} is ready";
    }

    /// <summary>Starts every plugin on a port of its own, which runs their migrations, and stops again.</summary>
    /// <exception cref="NexusException"><c>MIGRATION_FAILED</c>: a plugin did not come up.</exception>
    public static async Task<string> MigrateAsync(string[] settings)
    {
        await using var app = NexusHost.Build([.. settings, "--server:host=127.0.0.1", "--server:port=0", "--server:http2Port=0"]);
        await StorageOpener.OpenAsync(app.Services);
        await app.StartAsync();
        var plugins = app.Services.GetRequiredService<IPlugins>().List().Where(p => p.Manifest is null or { Category: not PluginCategory.Core }).ToList();
        await app.StopAsync();
        return plugins.FirstOrDefault(p => p.State == PluginState.Failed) is { } failed
            ? throw new NexusException(ErrorCodes.MigrationFailed, $"{failed.Id} {failed.Version} failed in {failed.FailedIn}: {failed.Cause}")
            : $"{plugins.Count} plugins are migrated: {string.Join(", ", plugins.Select(p => $"{p.Id} {p.Version}"))}";
    }

    /// <summary>Deletes what is in the data folder, and in the database of a server, and opens it again.</summary>
    public static async Task<string> ResetAsync(string[] settings)
    {
        string folder;
        await using (var app = NexusHost.Build(settings))
        {
            // Only who can open it may delete it: a running host holds the folder.
            await StorageOpener.OpenAsync(app.Services);
            folder = Folder(app);
        }

        // Of its own, since the database must not be open: what an engine deletes nobody may be using.
        await using (var app = NexusHost.Build(settings))
            await StorageOpener.ResetAsync(app.Services);
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos()) if (entry is DirectoryInfo inner) inner.Delete(recursive: true); else entry.Delete();
        return await InitAsync(settings);
    }

    private static string Folder(Microsoft.AspNetCore.Builder.WebApplication app) => Path.GetFullPath(app.Configuration["database:directory"] ?? "data");
}
