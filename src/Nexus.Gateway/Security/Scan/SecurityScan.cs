using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Security.Scan;

/// <summary>How much a finding matters.</summary>
internal enum Severity
{
    /// <summary>Worth knowing.</summary>
    Low,

    /// <summary>To be mended.</summary>
    Medium,

    /// <summary>To be mended now.</summary>
    High,
}

/// <summary>A weakness that was found.</summary>
/// <param name="Id">Stable id, such as <c>config.host-filter-off</c>.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Area">configuration, permissions, dependencies, files.</param>
/// <param name="Subject">What it was found at.</param>
/// <param name="Detail">What is wrong.</param>
/// <param name="Remedy">The way out.</param>
internal sealed record Finding(string Id, Severity Severity, string Area, string Subject, string Detail, string Remedy);

/// <summary>What a scan found.</summary>
/// <param name="At">When it ran.</param>
/// <param name="File">The report's file.</param>
/// <param name="Checks">Names of the checks that ran.</param>
/// <param name="Findings">The findings, worst first.</param>
internal sealed record ScanReport(DateTimeOffset At, string File, ImmutableArray<string> Checks, ImmutableArray<Finding> Findings);

/// <summary>A part of the scan.</summary>
internal interface ISecurityCheck
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>What it finds.</summary>
    Task<ImmutableArray<Finding>> RunAsync(CancellationToken cancellationToken);
}

/// <summary>Runs every check and writes a dated report into <c>reports</c> of the data folder.</summary>
internal sealed class SecurityScan(IEnumerable<ISecurityCheck> checks, IConfiguration configuration, TimeProvider time)
{
    private static readonly JsonSerializerOptions Form = new(JsonAnswer.Options) { WriteIndented = true };

    /// <summary>Runs it.</summary>
    public async Task<ScanReport> RunAsync(CancellationToken cancellationToken)
    {
        var at = time.GetUtcNow();
        var findings = new List<Finding>();
        foreach (var check in checks)
            findings.AddRange(await check.RunAsync(cancellationToken));
        var folder = Path.Combine(Path.GetFullPath(DataFolder(configuration)), "reports");
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, $"security-{at:yyyy-MM-dd'T'HHmmss.fff'Z'}.json");
        var report = new ScanReport(at, file, [.. checks.Select(c => c.Name)], [.. findings.OrderByDescending(f => f.Severity).ThenBy(f => f.Id, StringComparer.Ordinal)]);
        await File.WriteAllBytesAsync(file, JsonSerializer.SerializeToUtf8Bytes(report, Form), cancellationToken);
        return report;
    }

    /// <summary>The node's data folder.</summary>
    public static string DataFolder(IConfiguration configuration) => configuration["plugins:dataDirectory"] ?? configuration["database:directory"] ?? "data";
}
