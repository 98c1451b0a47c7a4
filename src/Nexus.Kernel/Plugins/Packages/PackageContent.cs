using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Plugins;

/// <summary>One file of a package.</summary>
/// <param name="Path">Relative path with forward slashes.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">Lower-case hex.</param>
internal sealed record PackageFile(string Path, long Size, string Sha256);

/// <summary>The list of a package's files: <c>files.json</c> in a <c>.nxp</c>, and what its content hash is taken over.</summary>
internal sealed record PackageContent
{
    /// <summary>Name of the list within a package; it is not in the list itself.</summary>
    public const string FileName = "files.json";

    /// <summary>Greatest number of files.</summary>
    public const int MaxFiles = 4096;

    /// <summary>Greatest size of all files together, in bytes.</summary>
    public const long MaxBytes = 512L * 1024 * 1024;

    /// <summary>Greatest size of the list itself, in bytes.</summary>
    public const int MaxListBytes = 2 * 1024 * 1024;

    private const string Schema = """
        {
          "type": "object", "additionalProperties": false, "required": ["format", "files"],
          "properties": {
            "format": { "type": "integer", "enum": [1] },
            "files": {
              "type": "array", "minItems": 1, "maxItems": 4096,
              "items": {
                "type": "object", "additionalProperties": false, "required": ["path", "size", "sha256"],
                "properties": {
                  "path": { "type": "string", "format": "relative-path" },
                  "size": { "type": "integer", "minimum": 0, "maximum": 536870912 },
                  "sha256": { "description": "64 lower-case hex digits", "type": "string", "pattern": "^[0-9a-f]{64}$" }
                }
              }
            }
          }
        }
        """;

    private static readonly Lazy<JsonSchema> Compiled = new(() =>
    {
        var errors = new SourceErrors();
        return JsonSchema.Compile(JsonSource.Read(Encoding.UTF8.GetBytes(Schema), FileName, errors)!, errors);
    });

    /// <summary>The files, sorted by path (ordinal).</summary>
    public ImmutableArray<PackageFile> Files { get; }

    public PackageContent(IEnumerable<PackageFile> files) => Files = [.. files.OrderBy(f => f.Path, StringComparer.Ordinal)];

    /// <summary>SHA-256 over the lines <c>{sha256}  {path}\n</c> in order of path: what <c>sha256sum</c> prints for the folder.</summary>
    public string Hash() =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(Files.Select(f => $"{f.Sha256}  {f.Path}\n")))));

    /// <summary>Writes <c>files.json</c>; equal lists give equal bytes.</summary>
    public byte[] Write()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("format", 1);
            writer.WriteStartArray("files");
            foreach (var file in Files)
            {
                writer.WriteStartObject();
                writer.WriteString("path", file.Path);
                writer.WriteNumber("size", file.Size);
                writer.WriteString("sha256", file.Sha256);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>Reads <c>files.json</c>.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_PACKAGE_INVALID</c> with every error of the list.</exception>
    public static PackageContent Read(ReadOnlySpan<byte> utf8, string source)
    {
        var errors = new SourceErrors();
        var root = JsonSource.Read(utf8, source, errors);
        if (root is not null)
            Compiled.Value.Check(root, errors);
        errors.ThrowIfAny(ErrorCodes.PluginPackageInvalid, source);
        var files = root!.Find("files")!.Elements.Select(f => new PackageFile(f.Find("path")!.Text, long.Parse(f.Find("size")!.Text, NumberStyles.Float, CultureInfo.InvariantCulture), f.Find("sha256")!.Text));
        var content = new PackageContent(files);
        CheckPaths(content.Files.Select(f => f.Path), source);
        return content;
    }

    /// <summary>Refuses two paths that one file system would take for the same file.</summary>
    public static void CheckPaths(IEnumerable<string> paths, string source)
    {
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var path in paths)
        {
            if (!seen.Add(path))
                throw PackageErrors.Invalid(source, path, "the path occurs twice (paths that differ only in case count as one); keep one file");
        }
    }
}
