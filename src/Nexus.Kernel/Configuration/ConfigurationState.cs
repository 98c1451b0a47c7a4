using System.Collections.Immutable;
using System.Globalization;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>What was read, before it is joined.</summary>
/// <param name="Layers">Trees, lowest precedence first.</param>
/// <param name="Environment">Name of the environment.</param>
/// <param name="Files">Files that were looked for.</param>
/// <param name="Remote">Where further settings are served, or null.</param>
internal sealed record ConfigurationSources(ImmutableArray<SourceNode> Layers, string Environment, IReadOnlyList<string> Files, RemoteSettings? Remote);

/// <summary>One validated configuration, flat. Immutable.</summary>
internal sealed class ConfigurationState
{
    /// <summary>Stands for a secret.</summary>
    public const string Mask = "***hidden***";

    private readonly SortedDictionary<string, (ImmutableArray<string> Path, string? Text, SourcePosition Position)> _values = new(StringComparer.OrdinalIgnoreCase);

    private ConfigurationState(ConfigurationSources sources) => Sources = sources;

    public ConfigurationSources Sources { get; }

    /// <summary>The values as the framework's binder reads them: a duration such as <c>30s</c> becomes <c>00:00:30</c>.</summary>
    public Dictionary<string, string?> Flat(Func<IReadOnlyList<string>, JsonSchema?> schemaOf) => _values.ToDictionary(
        v => v.Key,
        v => v.Value.Text is { } text && schemaOf(v.Value.Path)?.Format == "duration" && ConfigurationValues.TryParseDuration(text, out var duration) ? duration.ToString("c", CultureInfo.InvariantCulture) : v.Value.Text,
        StringComparer.OrdinalIgnoreCase);

    public static ConfigurationState Of(SourceNode tree, ConfigurationSources sources)
    {
        var state = new ConfigurationState(sources);
        // What "environments" says was merged already; the section itself is no setting.
        foreach (var member in tree.Members.Where(m => m.Name != "environments"))
            state.Flatten(member.Value, [member.Name]);
        return state;
    }

    public string SourceOf(string key) => _values.TryGetValue(key, out var value) ? value.Position.ToString() : "configuration";

    public ImmutableArray<ConfigurationValue> Show(Func<IReadOnlyList<string>, JsonSchema?> schemaOf) =>
    [
        .. _values.Select(v =>
        {
            var schema = schemaOf(v.Value.Path);
            return new ConfigurationValue(v.Key, Shown(v.Key, schema), v.Value.Position.ToString(), IsSecret(v.Value.Path, v.Value.Position, schema), schema is { Restart: true });
        }),
    ];

    public ConfigurationChange ChangesSince(ConfigurationState before, Func<IReadOnlyList<string>, JsonSchema?> schemaOf)
    {
        var keys = _values.Keys.Union(before._values.Keys, StringComparer.OrdinalIgnoreCase)
            .Where(k => !_values.TryGetValue(k, out var now) || !before._values.TryGetValue(k, out var then) || now.Text != then.Text)
            .Order(StringComparer.Ordinal)
            .Select(k => (Key: k, Path: (_values.TryGetValue(k, out var v) ? v : before._values[k]).Path))
            .ToList();
        return new ConfigurationChange(
            [.. keys.Select(k => new ConfigurationDifference(k.Key, before.Shown(k.Key, schemaOf(k.Path)), Shown(k.Key, schemaOf(k.Path))))],
            keys.Any(k => schemaOf(k.Path) is { Restart: true }));
    }

    private static bool IsSecret(ImmutableArray<string> path, SourcePosition position, JsonSchema? schema) => position.Secret || schema is { Secret: true } || path.Any(SecretNames.Matches);

    private string? Shown(string key, JsonSchema? schema) =>
        !_values.TryGetValue(key, out var value) ? null
        : IsSecret(value.Path, value.Position, schema) && !string.IsNullOrEmpty(value.Text) ? Mask
        : value.Text;

    private void Flatten(SourceNode node, ImmutableArray<string> path)
    {
        foreach (var member in node.Members)
            Flatten(member.Value, path.Add(member.Name));
        for (var i = 0; i < node.Elements.Length; i++)
            Flatten(node.Elements[i], path.Add(i.ToString(CultureInfo.InvariantCulture)));
        if (node.Kind is not (SourceKind.Map or SourceKind.List))
            _values[string.Join(':', path)] = (path, node.Kind == SourceKind.Null ? null : node.Text, node.Position);
    }
}
