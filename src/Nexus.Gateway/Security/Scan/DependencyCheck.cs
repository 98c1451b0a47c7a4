using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Nexus.Gateway.Security.Scan;

/// <summary>
/// Libraries with a published weakness, among those that the host and the installed plugins were built with (their <c>.deps.json</c>). What is known is in
/// <c>advisories.json</c> inside the host and, newer, in the file that <c>security:advisories</c> names: nothing is asked of the network.
/// </summary>
internal sealed class DependencyCheck(IConfiguration configuration) : ISecurityCheck
{
    private const string Area = "dependencies";
    private const long MaxBytes = 4 * 1024 * 1024;

    /// <inheritdoc/>
    public string Name => Area;

    /// <inheritdoc/>
    public async Task<ImmutableArray<Finding>> RunAsync(CancellationToken cancellationToken)
    {
        var advisories = await AdvisoriesAsync(cancellationToken);
        var findings = ImmutableArray.CreateBuilder<Finding>();
        foreach (var file in Files())
        {
            foreach (var (library, version) in await LibrariesAsync(file, cancellationToken))
            {
                foreach (var advisory in advisories.Where(a => a.Package.Equals(library, StringComparison.OrdinalIgnoreCase) && a.Covers(version)))
                    findings.Add(new Finding("dependency." + advisory.Id, advisory.Severity, Area, $"{library} {version} ({Path.GetFileName(file)})", advisory.Title, $"Update it to {advisory.Fixed ?? "another package; this one is not mended"} and build again."));
            }
        }
        return [.. findings.DistinctBy(f => (f.Id, f.Subject))];
    }

    private IEnumerable<string> Files()
    {
        var folders = configuration.GetSection("plugins:directories").GetChildren().Select(c => c.Value ?? "").Append(SecurityScan.DataFolder(configuration)).Select(Path.GetFullPath).Where(Directory.Exists).Distinct();
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = 8 };
        return Directory.EnumerateFiles(AppContext.BaseDirectory, "*.deps.json").Concat(folders.SelectMany(f => Directory.EnumerateFiles(f, "*.deps.json", options)))
            .Where(f => new FileInfo(f).Length <= MaxBytes);
    }

    private static async Task<ImmutableArray<(string Library, Version Version)>> LibrariesAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = File.OpenRead(file);
            using var json = await JsonDocument.ParseAsync(stream, cancellationToken: cancellationToken);
            if (!json.RootElement.TryGetProperty("libraries", out var libraries))
                return [];
            return [.. libraries.EnumerateObject()
                .Where(l => l.Value.TryGetProperty("type", out var type) && type.ValueEquals("package"))
                .Select(l => l.Name.Split('/'))
                .Where(parts => parts.Length == 2 && Advisory.TryRead(parts[1], out _))
                .Select(parts => (parts[0], Advisory.Read(parts[1])))];
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            // A file that no build wrote names no library.
            return [];
        }
    }

    private async Task<ImmutableArray<Advisory>> AdvisoriesAsync(CancellationToken cancellationToken)
    {
        await using var own = typeof(DependencyCheck).Assembly.GetManifestResourceStream("advisories.json")!;
        var known = await Advisory.ReadAsync(own, cancellationToken);
        if (configuration["security:advisories"] is not { Length: > 0 } path)
            return known;
        try
        {
            await using var newer = File.OpenRead(path);
            return [.. known, .. await Advisory.ReadAsync(newer, cancellationToken)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new NexusException(ErrorCodes.ConfigurationError, $"security.advisories: {path} cannot be read: {exception.Message}", exception);
        }
    }
}
