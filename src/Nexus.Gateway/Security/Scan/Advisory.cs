using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Security.Scan;

/// <summary>A list of published weaknesses.</summary>
/// <param name="Source">Who published them.</param>
/// <param name="Date">As of when.</param>
/// <param name="Advisories">The weaknesses.</param>
internal sealed record AdvisoryList(string Source, DateOnly Date, ImmutableArray<Advisory> Advisories)
{
    /// <summary>Reads a list from a file.</summary>
    /// <exception cref="JsonException">It is not one, or names no source and date.</exception>
    public static async Task<AdvisoryList> ReadAsync(string path, CancellationToken cancellationToken)
    {
        await using var file = File.OpenRead(path);
        var list = await JsonSerializer.DeserializeAsync<AdvisoryList>(file, JsonAnswer.Options, cancellationToken);
        if (list is not { Source.Length: > 0, Advisories.IsDefault: false } || list.Date == default || list.Advisories.Any(a => a is not { Id.Length: > 0, Package.Length: > 0 } || new[] { a.From, a.Fixed }.Any(v => v is not null && !Advisory.TryRead(v, out _))))
            throw new JsonException("it is an object with source, date and advisories, each with id, package, from and fixed.");
        return list;
    }
}

/// <summary>A published weakness of a library.</summary>
/// <param name="Id">Its public number, such as <c>CVE-2024-21907</c>.</param>
/// <param name="Package">Name of the package.</param>
/// <param name="From">First version that has it; null for the first one ever.</param>
/// <param name="Fixed">First version without it; null when there is none.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Title">What it is.</param>
internal sealed record Advisory(string Id, string Package, string? From, string? Fixed, Severity Severity, string Title)
{
    /// <summary>Whether a version has it.</summary>
    public bool Covers(Version version) => (From is null || version >= Read(From)) && (Fixed is null || version < Read(Fixed));

    /// <summary>The numbers of a version; a pre-release counts as its release.</summary>
    public static Version Read(string version) => TryRead(version, out var read) ? read : throw new FormatException($"'{version}' is not a version.");

    /// <summary>The numbers of a version, if it has any.</summary>
    public static bool TryRead(string version, out Version read)
    {
        var end = version.AsSpan().IndexOfAny('-', '+');
        var numbers = end < 0 ? version : version[..end];
        var done = Version.TryParse(numbers.Contains('.', StringComparison.Ordinal) ? numbers : numbers + ".0", out var parsed);
        // 1.2 and 1.2.0.0 are one version.
        read = done ? new Version(parsed!.Major, parsed.Minor, Math.Max(0, parsed.Build), Math.Max(0, parsed.Revision)) : new Version(0, 0, 0, 0);
        return done;
    }
}
