using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Nexus.Gateway.Security.Scan;

/// <summary>
/// Libraries with a published weakness, among those that the host and the installed plugins were built with (their <c>.deps.json</c>). What is known is in
/// <c>advisories.json</c> beside the host and, newer, in the file that <c>security:advisories</c> names: nothing is asked of the network, and lists that are old are a finding themselves.
/// </summary>
internal sealed class DependencyCheck(IConfiguration configuration, TimeProvider time) : ISecurityCheck
{
    private const string Area = "dependencies";
    private const long MaxBytes = 4 * 1024 * 1024;
    private const int FreshDays = 180;

    /// <inheritdoc/>
    public string Name => Area;

    /// <inheritdoc/>
    public async Task<ImmutableArray<Finding>> RunAsync(CancellationToken cancellationToken)
    {
        var lists = await ListsAsync(cancellationToken);
        var advisories = lists.SelectMany(l => l.Advisories.Select(a => (Advisory: a, List: l))).ToList();
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var newest = lists.MaxBy(l => l.Date)!;
        if (newest.Date < DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime).AddDays(-FreshDays))
            findings.Add(new Finding("dependency.advisories-old", Severity.Low, Area, "security.advisories", $"What is known of weak libraries is of {newest.Date:yyyy-MM-dd} ({newest.Source}); later ones are not found.", "Name a newer list by security.advisories."));
        foreach (var file in Files())
        {
            foreach (var (library, version) in await LibrariesAsync(file, cancellationToken))
            {
                foreach (var (advisory, list) in advisories.Where(a => a.Advisory.Package.Equals(library, StringComparison.OrdinalIgnoreCase) && a.Advisory.Covers(version)))
                    findings.Add(new Finding("dependency." + advisory.Id, advisory.Severity, Area, $"{library} {version} ({Path.GetFileName(file)})", $"{advisory.Title} ({list.Source}, {list.Date:yyyy-MM-dd}).", $"Update it to {advisory.Fixed ?? "another package; this one is not mended"} and build again."));
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

    private async Task<List<AdvisoryList>> ListsAsync(CancellationToken cancellationToken)
    {
        var lists = new List<AdvisoryList>();
        foreach (var path in new[] { Path.Combine(AppContext.BaseDirectory, "advisories.json"), configuration["security:advisories"] }.Where(p => !string.IsNullOrEmpty(p)))
        {
            try
            {
                lists.Add(await AdvisoryList.ReadAsync(path!, cancellationToken));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
            {
                throw new NexusException(ErrorCodes.ConfigurationError, $"security.advisories: {path} cannot be read: {exception.Message}", exception);
            }
        }

        return lists;
    }
}
