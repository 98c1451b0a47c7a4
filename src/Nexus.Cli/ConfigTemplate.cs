using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Nexus.Cli;

/// <summary>A configuration template, cloned with overrides into a <c>nexus.yaml</c>. Comments of the template stay.</summary>
internal static partial class ConfigTemplate
{
    public static readonly string[] Names = ["basic", "development", "staging", "production", "dr"];

    /// <summary>The text of a template in which each <c>key.path=value</c> took the place of what was there.</summary>
    public static async Task<string> CloneAsync(string name, IEnumerable<string> overrides, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream($"templates/config/{name}.yaml")!);
        var lines = (await reader.ReadToEndAsync(cancellationToken)).TrimEnd().Split('\n').ToList();
        foreach (var entry in overrides)
        {
            var equals = entry.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !Key().IsMatch(entry[..equals])) throw new CliException($"nexus: --set {entry} is not of the form key.path=value.", ExitCodes.Usage);
            Set(lines, entry[..equals].Split('.'), Scalar(entry[(equals + 1)..]));
        }

        return string.Join('\n', lines) + "\n";
    }

    private static void Set(List<string> lines, string[] path, string value)
    {
        var (from, to) = (0, lines.Count);
        for (var level = 0; level < path.Length; level++)
        {
            var start = new string(' ', level * 2) + path[level] + ":";
            var last = level == path.Length - 1;
            var at = lines.FindIndex(from, to - from, l => l.StartsWith(start, StringComparison.Ordinal) && (l.Length == start.Length || l[start.Length] == ' '));
            if (at < 0)
            {
                // Everything that is missing of the path, as a new part of the section that is there.
                lines.InsertRange(to, Enumerable.Range(level, path.Length - level).Select(l => $"{new string(' ', l * 2)}{path[l]}:{(l == path.Length - 1 ? " " + value : "")}"));
                return;
            }

            if (last) lines[at] = $"{start} {value}";
            from = at + 1;
            var inner = new string(' ', (level + 1) * 2);
            to = from;
            while (to < lines.Count && (lines[to].StartsWith(inner, StringComparison.Ordinal) || lines[to].Length == 0)) to++;
        }
    }

    private static string Scalar(string text) => text.Length > 0 && Plain().IsMatch(text) || text.StartsWith('[') ? text : JsonSerializer.Serialize(text);

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9]*([.][A-Za-z][A-Za-z0-9_-]*)*$")]
    private static partial Regex Key();

    [GeneratedRegex("^[A-Za-z0-9./_-]+$")]
    private static partial Regex Plain();
}
