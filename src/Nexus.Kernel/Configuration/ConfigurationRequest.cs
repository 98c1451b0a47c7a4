using System.Collections.Immutable;
using Microsoft.Extensions.Configuration;

namespace Nexus.Kernel.Configuration;

/// <summary>From where a configuration is read.</summary>
/// <param name="Arguments">Options of the command line: <c>--a.b=c</c>, <c>--a:b=c</c>, <c>--a.b c</c>; an option alone means true.</param>
/// <param name="Variables">Environment variables.</param>
/// <param name="BaseDirectory">Folder of <c>.env</c>, and the first where <c>nexus.yaml</c> is looked for.</param>
public sealed record ConfigurationRequest(ImmutableArray<string> Arguments, IReadOnlyDictionary<string, string> Variables, string BaseDirectory)
{
    /// <summary>Folders where <c>nexus.yaml</c> is looked for when neither the base directory nor its folder <c>config</c> has it; the first that has it is used, alone. <c>NEXUS_CONFIG_PATH</c> (a folder) takes the place of all of them.</summary>
    public ImmutableArray<string> SearchDirectories { get; init; } = [];

    /// <summary>Further checks over the whole configuration, such as those of a production environment; each returns its errors.</summary>
    public ImmutableArray<Func<IConfiguration, IEnumerable<FieldError>>> Checks { get; init; } = [];
}

/// <summary>One effective value.</summary>
/// <param name="Key">Key with colons.</param>
/// <param name="Value">Its value; masked when secret.</param>
/// <param name="Source"><c>default</c>, <c>file:line:column</c>, <c>stored</c>, <c>variable NAME</c> or <c>option --key</c>.</param>
/// <param name="Secret">Its value is masked.</param>
/// <param name="Restart">A change takes effect at the next start.</param>
public sealed record ConfigurationValue(string Key, string? Value, string Source, bool Secret, bool Restart);

/// <summary>What a reload changed.</summary>
/// <param name="Values">Changed values, sorted by key.</param>
/// <param name="RestartRequired">At least one takes effect at the next start only.</param>
public sealed record ConfigurationChange(ImmutableArray<ConfigurationDifference> Values, bool RestartRequired)
{
    /// <summary>Changed keys, sorted.</summary>
    public ImmutableArray<string> Keys => [.. Values.Select(v => v.Key)];
}

/// <summary>One changed value.</summary>
/// <param name="Key">Key with colons.</param>
/// <param name="Old">Value before; null when there was none; masked when secret.</param>
/// <param name="New">Value now; null when there is none; masked when secret.</param>
public sealed record ConfigurationDifference(string Key, string? Old, string? New);
