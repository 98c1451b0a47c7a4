using System.Collections.Immutable;
using System.Text;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>Reads the sources of a configuration, each as one tree; lowest precedence first.</summary>
internal sealed class ConfigurationLayers(ConfigurationRequest request, RemoteDocument remote, SourceErrors errors)
{
    private const string Prefix = "NEXUS_";

    private readonly ConfigurationFiles _files = new(request, errors);

    /// <summary>Files that were read, and those whose appearance would matter.</summary>
    public IReadOnlyList<string> Files => _files.Looked;

    public string Environment { get; private set; } = "development";

    /// <summary>Where further settings are served, or null.</summary>
    public RemoteSettings? Remote { get; private set; }

    /// <summary>Reads all sources.</summary>
    /// <param name="stored">Settings saved at run time, or null.</param>
    public List<SourceNode> Read(SourceNode? stored)
    {
        var variables = ReadVariables();
        var main = _files.Read("nexus");
        var options = ReadOptions();
        var fromVariables = ReadSettings(variables);
        Environment = (Scalar(options, "environment") ?? variables.GetValueOrDefault("NEXUS_ENV").Value ?? Scalar(fromVariables, "environment") ?? Scalar(main, "environment") ?? Environment).ToLowerInvariant();
        var layers = new List<SourceNode?> { main };
        layers.Add(main is null ? null : FindIgnoringCase(FindIgnoringCase(main, "environments"), Environment));
        if (Environment.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
            layers.Add(_files.Read($"nexus.{Environment}"));
        var expansion = new VariableExpansion(variables, errors);
        for (var i = 0; i < layers.Count; i++)
            layers[i] = layers[i] is { } layer ? expansion.Expand(layer, "") : null;
        Remote = RemoteSettings.Find([.. layers, fromVariables, options], request.BaseDirectory, errors);
        // Over the files of this node, and under what is decided here at run time. Variables of the node are not expanded in it: whoever serves it shall not read them.
        layers.Add(Remote is { } from ? remote.Read(from, errors) : null);
        layers.AddRange([stored, fromVariables]);
        if (variables.TryGetValue("NEXUS_ENV", out var named))
            layers.Add(Tree([(["environment"], Text(Environment, named.Position))]));
        layers.Add(options);
        return [.. layers.OfType<SourceNode>().Where(IsMap)];
    }

    private static string? Scalar(SourceNode? map, string name) => FindIgnoringCase(map, name) is { Kind: SourceKind.Text } value ? value.Text : null;

    private static SourceNode? FindIgnoringCase(SourceNode? map, string name) =>
        map?.Members.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase))?.Value;

    private bool IsMap(SourceNode layer)
    {
        if (layer.Kind == SourceKind.Map)
            return true;
        errors.Add(layer.Position, "", "type", "must hold keys and values");
        return false;
    }

    /// <summary>Variables of the process, over those of <c>.env</c>, each with its place.</summary>
    private Dictionary<string, (string Value, SourcePosition Position)> ReadVariables()
    {
        var variables = new Dictionary<string, (string, SourcePosition)>(StringComparer.Ordinal);
        var path = Path.Combine(request.BaseDirectory, ".env");
        _files.Note(path);
        if (File.Exists(path))
        {
            var line = 0;
            foreach (var text in File.ReadLines(path))
            {
                line++;
                var entry = text.Trim();
                if (entry.Length == 0 || entry[0] == '#')
                    continue;
                entry = entry.StartsWith("export ", StringComparison.Ordinal) ? entry[7..].TrimStart() : entry;
                var equals = entry.IndexOf('=', StringComparison.Ordinal);
                if (equals > 0)
                    variables[entry[..equals].Trim()] = (Unquote(entry[(equals + 1)..].Trim()), new SourcePosition(path, line, 1));
                else
                    errors.Add(new SourcePosition(path, line, 1), "", "syntax", "must be NAME=value");
            }
        }

        foreach (var (name, value) in request.Variables)
            variables[name] = (value, new SourcePosition($"variable {name}"));
        return variables;
    }

    private static string Unquote(string text) =>
        text.Length >= 2 && text[0] is '"' or '\'' && text[^1] == text[0] ? text[1..^1] : text;

    private SourceNode? ReadSettings(Dictionary<string, (string Value, SourcePosition Position)> variables)
    {
        var settings = new List<(string[] Path, SourceNode Value)>();
        if (variables.TryGetValue("DATABASE_URL", out var url))
            AddDatabase(settings, url.Value, url.Position with { Source = "variable DATABASE_URL" });
        foreach (var (name, (value, position)) in variables.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            // Other programs use the prefix too: only a nested key, or the one scalar at the root, is taken for a setting.
            var nested = name.Contains("__", StringComparison.Ordinal);
            if (name.StartsWith(Prefix, StringComparison.Ordinal) && (nested || name == "NEXUS_ENVIRONMENT"))
                settings.Add((name[Prefix.Length..].Split("__"), Text(value, position)));
        }

        return Tree(settings);
    }

    private void AddDatabase(List<(string[] Path, SourceNode Value)> settings, string url, SourcePosition position)
    {
        var scheme = url.IndexOf("://", StringComparison.Ordinal);
        if (scheme <= 0)
        {
            errors.Add(position, "/database/url", "format", "must be an address such as sqlite://./data, memory:// or postgres://user:password@host:5432/database (its text is not shown, it may hold a password)");
            return;
        }

        settings.Add((["database", "url"], Text(url, position)));
        var type = url[..scheme] == "postgres" ? "postgresql" : url[..scheme];
        settings.Add((["database", "type"], Text(type, position)));
        if (url[..scheme] == "sqlite" && url.Length > scheme + 3)
            settings.Add((["database", "directory"], Text(url[(scheme + 3)..], position)));
        else if (type is not ("sqlite" or "memory"))
            settings.Add((["database", "connectionString"], Text(url, position)));
    }

    private SourceNode? ReadOptions()
    {
        var settings = new List<(string[] Path, SourceNode Value)>();
        for (var i = 0; i < request.Arguments.Length; i++)
        {
            var argument = request.Arguments[i];
            if (!argument.StartsWith("--", StringComparison.Ordinal) || argument.Length == 2)
            {
                errors.Add(new SourcePosition($"option {SourceErrors.Quote(argument)}"), "", "syntax", "must be --key=value, such as --server.port=9000");
                continue;
            }

            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? argument[2..] : argument[2..equals];
            var value = equals >= 0 ? argument[(equals + 1)..]
                : i + 1 < request.Arguments.Length && !request.Arguments[i + 1].StartsWith("--", StringComparison.Ordinal) ? request.Arguments[++i]
                : "true";
            // Ids of plugins have dots: with a colon in the key, only colons separate.
            settings.Add((key.Split(key.Contains(':', StringComparison.Ordinal) ? ':' : '.'), Text(value, new SourcePosition($"option --{key}"))));
        }

        return Tree(settings);
    }

    private static SourceNode Text(string value, SourcePosition position) => new() { Kind = SourceKind.Text, Text = value, Position = position };

    /// <summary>A tree of flat settings; later ones win.</summary>
    private static SourceNode? Tree(IReadOnlyList<(string[] Path, SourceNode Value)> settings)
    {
        SourceNode? tree = null;
        foreach (var (path, value) in settings)
        {
            var branch = path.Reverse().Aggregate(value, (node, name) => new SourceNode
            {
                Kind = SourceKind.Map,
                Position = value.Position,
                Members = [new SourceMember(name, value.Position, node)],
            });
            tree = tree is null ? branch : SourceMerge.Merge(tree, branch);
        }

        return tree;
    }
}
