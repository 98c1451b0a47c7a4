using System.Collections.Immutable;
using System.Globalization;
using Nexus.Kernel.Configuration;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Plugins;

/// <summary>Reads <c>manifest.json</c>. The embedded <c>schemas/plugin-manifest.json</c> decides what is valid, so the published schema and the reader cannot differ.</summary>
internal static class ManifestReader
{
    /// <summary>Name of the manifest in a plugin's folder or package.</summary>
    public const string FileName = "manifest.json";

    /// <summary>Greatest size of a manifest, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    private static readonly Lazy<JsonSchema> Schema = new(CompileSchema);

    /// <summary>The text of the published schema.</summary>
    public static byte[] SchemaText()
    {
        using var stream = typeof(ManifestReader).Assembly.GetManifestResourceStream("plugin-manifest.json")!;
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    /// <summary>Reads the manifest of a folder.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_MANIFEST_INVALID</c> with every error: file, line, column, key, what is allowed.</exception>
    public static async Task<PluginManifest> ReadFolderAsync(string folder, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 4096, FileOptions.Asynchronous);
            if (file.Length > MaxBytes)
                throw TooLarge(path);
            var bytes = new byte[(int)file.Length];
            await file.ReadExactlyAsync(bytes, cancellationToken);
            return Read(bytes, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NexusException(ErrorCodes.PluginManifestInvalid, $"{path}: the manifest cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads a manifest from its bytes.</summary>
    /// <param name="utf8">The text.</param>
    /// <param name="source">Name of the file for errors.</param>
    /// <exception cref="NexusException"><c>PLUGIN_MANIFEST_INVALID</c> with every error.</exception>
    public static PluginManifest Read(ReadOnlySpan<byte> utf8, string source)
    {
        if (utf8.Length > MaxBytes)
            throw TooLarge(source);
        var errors = new SourceErrors();
        var root = JsonSource.Read(utf8, source, errors);
        if (root is not null)
        {
            Schema.Value.Check(root, errors);
            CheckRules(root, errors);
        }

        errors.ThrowIfAny(ErrorCodes.PluginManifestInvalid, source);
        return Bind(root!);
    }

    private static NexusException TooLarge(string source) =>
        new(ErrorCodes.PluginManifestInvalid, $"{source}: the manifest is larger than {MaxBytes / 1024} KiB; put long texts elsewhere.");

    private static JsonSchema CompileSchema()
    {
        var errors = new SourceErrors();
        var schema = JsonSchema.Compile(JsonSource.Read(SchemaText(), "schemas/plugin-manifest.json", errors)!, errors);
        errors.ThrowIfAny(ErrorCodes.InternalError, "The embedded manifest schema");
        return schema;
    }

    /// <summary>What a JSON Schema cannot say.</summary>
    private static void CheckRules(SourceNode root, SourceErrors errors)
    {
        if (root.Find("name") is { Kind: SourceKind.Text } name)
        {
            // A plugin's section lies beside the platform's own keys of "plugins".
            if (NexusConfiguration.PluginKeys.Contains(name.Text, StringComparer.OrdinalIgnoreCase))
                errors.Add(name.Position, "/name", "reserved", $"'name' is '{name.Text}', which is a key of the platform; choose another");
            if (root.Find("dependencies")?.Members.FirstOrDefault(m => m.Name == name.Text) is { } self)
                errors.Add(self.Position, SourceErrors.Append("/dependencies", self.Name), "self", "a plugin cannot need itself; remove the entry");
        }

        if (root.Find("configuration") is { Kind: SourceKind.Map } configuration)
            JsonSchema.Compile(configuration, errors, "/configuration");
        if (root.Find("inputs") is not { Kind: SourceKind.List } inputs)
            return;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < inputs.Elements.Length; i++)
            CheckInput(inputs.Elements[i], $"/inputs/{i}", seen, errors);
    }

    private static void CheckInput(SourceNode input, string pointer, HashSet<string> seen, SourceErrors errors)
    {
        if (input.Find("id") is { } id && !seen.Add(id.Text))
            errors.Add(id.Position, pointer + "/id", "unique", $"two inputs have the id {SourceErrors.Quote(id.Text)}; rename one");
        var select = input.Find("type")?.Text == "select";
        var options = input.Find("options");
        if (select && options is null)
            errors.Add(input.Position, pointer + "/options", "required", "a select needs 'options'");
        if (!select && options is not null)
            errors.Add(options.Position, pointer + "/options", "unexpected", "only an input of type select has 'options'");
        if (select && options is not null && input.Find("default") is { } value && options.Elements.All(o => o.Text != value.Text))
            errors.Add(value.Position, pointer + "/default", "choice", $"'default' must be one of {string.Join(", ", options.Elements.Select(o => o.Text))}");
    }

    private static PluginManifest Bind(SourceNode root) => new()
    {
        Name = Text(root, "name")!,
        Version = Text(root, "version")!,
        Category = Enum.Parse<PluginCategory>(Text(root, "category")!, ignoreCase: true),
        Description = Text(root, "description")!,
        Entry = Text(root, "entry")!,
        DisplayName = Text(root, "displayName"),
        Author = Text(root, "author"),
        License = Text(root, "license"),
        Requires = Text(root, "requires"),
        Runtime = Text(root, "runtime"),
        System = [.. Elements(root, "system").Select(s => s.Text)],
        Dependencies = [.. (root.Find("dependencies")?.Members ?? []).Select(BindDependency)],
        StartupOrder = Number(root, "startupOrder") ?? 0,
        Isolation = Text(root, "isolation") is { } isolation ? Enum.Parse<PluginIsolation>(isolation, ignoreCase: true) : null,
        Instances = Number(root, "instances") ?? 1,
        Limits = root.Find("limits") is { } limits ? new PluginLimits(Number(limits, "memoryMegabytes"), Number(limits, "cpuPercent")) : null,
        Permissions = [.. Elements(root, "permissions").Select(p => new RequestedCapability(Text(p, "name")!, Text(p, "reason")!))],
        Configuration = root.Find("configuration")?.ToJson()?.AsObject(),
        Inputs = [.. Elements(root, "inputs").Select(BindInput)],
        Ui = root.Find("ui") is { } ui ? new PluginUi(Text(ui, "module"), Text(ui, "title"), Text(ui, "icon"), Number(ui, "position")) : null,
        Essential = Flag(root, "essential"),
        Lazy = Flag(root, "lazy"),
        Tags = [.. Elements(root, "tags").Select(t => t.Text)],
    };

    private static PluginDependency BindDependency(SourceMember member) => member.Value.Kind == SourceKind.Text
        ? new PluginDependency(member.Name, member.Value.Text)
        : new PluginDependency(member.Name, Text(member.Value, "version")!, Flag(member.Value, "optional"));

    private static PluginInput BindInput(SourceNode input) => new(
        Text(input, "id")!,
        Text(input, "type")!,
        Text(input, "label"),
        input.Find("default")?.ToJson(),
        Flag(input, "required"),
        [.. Elements(input, "options").Select(o => o.Text)]);

    private static ImmutableArray<SourceNode> Elements(SourceNode node, string name) => node.Find(name)?.Elements ?? [];

    private static string? Text(SourceNode node, string name) => node.Find(name)?.Text;

    private static bool Flag(SourceNode node, string name) => node.Find(name)?.Text == "true";

    private static int? Number(SourceNode node, string name) =>
        node.Find(name) is { } value ? (int)double.Parse(value.Text, CultureInfo.InvariantCulture) : null;
}
