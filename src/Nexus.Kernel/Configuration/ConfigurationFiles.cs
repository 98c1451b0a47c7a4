using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>Finds and reads configuration files. The first folder that has the main file is the one, and the file of the environment is looked for beside it.</summary>
internal sealed class ConfigurationFiles(ConfigurationRequest request, SourceErrors errors)
{
    private static readonly string[] Extensions = [".yaml", ".yml", ".json"];

    private readonly List<string> _looked = [];
    private string? _folder;

    /// <summary>Files that were read, and those whose appearance would matter.</summary>
    public IReadOnlyList<string> Looked => _looked;

    public void Note(string path) => _looked.Add(path);

    /// <summary>Reads the file of a name, whatever its extension; null when there is none.</summary>
    public SourceNode? Read(string name)
    {
        foreach (var folder in Folders())
        {
            var candidates = Extensions.Select(e => Path.Combine(folder, name + e)).ToList();
            _looked.AddRange(candidates);
            var toml = Path.Combine(folder, name + ".toml");
            if (File.Exists(toml))
                errors.Add(new SourcePosition(toml), "", "format", $"TOML is not read; write the same keys as {name}.yaml or {name}.json");
            var present = candidates.Where(File.Exists).ToList();
            if (present.Count > 1)
                errors.Add(new SourcePosition(present[1]), "", "ambiguous", $"lies beside {Path.GetFileName(present[0])}; keep one of them");
            if (present.Count == 0)
                continue;
            _folder ??= folder;
            return ReadFile(present[0]);
        }

        return null;
    }

    private IEnumerable<string> Folders()
    {
        if (_folder is not null)
            return [_folder];
        if (request.Variables.GetValueOrDefault("NEXUS_CONFIG_PATH") is not { Length: > 0 } named)
            return [request.BaseDirectory, Path.Combine(request.BaseDirectory, "config"), .. request.SearchDirectories];
        var path = Path.GetFullPath(named, request.BaseDirectory);
        if (!Directory.Exists(path))
            errors.Add(new SourcePosition("variable NEXUS_CONFIG_PATH"), "", "missing", $"names {path}, which is no folder");
        return [_folder = path];
    }

    private SourceNode? ReadFile(string path)
    {
        try
        {
            if (new FileInfo(path).Length > YamlSource.MaxBytes)
            {
                errors.Add(new SourcePosition(path), "", "size", $"the file is larger than {YamlSource.MaxBytes / 1024} KiB");
                return null;
            }

            var bytes = File.ReadAllBytes(path);
            return path.EndsWith(".json", StringComparison.Ordinal)
                ? JsonSource.Read(bytes, path, errors, allowComments: true)
                : YamlSource.Read(bytes, path, errors);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add(new SourcePosition(path), "", "unreadable", $"cannot be read: {e.Message}");
            return null;
        }
    }
}
