using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Nexus.Kernel.Schemas;

namespace Nexus.Kernel.Configuration;

/// <summary>The configuration of a node: command line over environment over stored settings over those of an endpoint over files over defaults, validated as a whole. A reload that does not validate changes nothing. Thread-safe.</summary>
public sealed class NexusConfiguration : IDisposable
{
    private static readonly Lazy<JsonSchema> Platform = new(CompilePlatform);

    private readonly ConfigurationRequest _request;
    private readonly RemoteDocument _remote = new();
    private readonly MergedProvider _provider = new();
    private readonly Lock _lock = new();
    private ImmutableDictionary<string, JsonSchema> _plugins = ImmutableDictionary.Create<string, JsonSchema>(StringComparer.OrdinalIgnoreCase);
    private SourceNode? _stored;
    private ConfigurationState _state;
    private ConfigurationWatch? _watch;
    private ITimer? _refresh;

    private NexusConfiguration(ConfigurationRequest request)
    {
        _request = request;
        _state = Build(_plugins, null);
        _provider.Set(_state.Flat(SchemaOf));
        Root = new ConfigurationBuilder().Add(_provider).Build();
    }

    /// <summary>Called after a reload took effect, also by <see cref="Watch"/>; outside of any lock.</summary>
    public event Action<ConfigurationChange>? Changed;

    /// <summary>Called when a reload by <see cref="Watch"/> was refused; the last good state stays.</summary>
    public event Action<NexusException>? Refused;

    /// <summary>The effective values; its change token fires after each reload that changed something.</summary>
    public IConfigurationRoot Root { get; }

    /// <summary>Name of the environment, lower case; <c>development</c> by default.</summary>
    public string Environment => _state.Sources.Environment;

    /// <summary>Keys of the platform in the section <c>plugins</c>; no plugin may have one as its id.</summary>
    internal static IEnumerable<string> PluginKeys => Platform.Value.Properties["plugins"].Properties.Keys;

    /// <summary>Reads and validates a configuration.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c> with every error: file, line, key, what is allowed.</exception>
    public static NexusConfiguration Load(ConfigurationRequest request) => new(request);

    /// <summary>The JSON Schema of all platform keys, as <c>nexus config schema</c> prints it.</summary>
    public static string Schema()
    {
        using var stream = typeof(NexusConfiguration).Assembly.GetManifestResourceStream("nexus-configuration.json")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Every effective value with its source, sorted by key; secrets are masked.</summary>
    public ImmutableArray<ConfigurationValue> Show() => _state.Show(SchemaOf);

    /// <summary>Adds a plugin: its defaults take effect and its section is validated from now on.</summary>
    /// <param name="id">The plugin's id.</param>
    /// <param name="schema">The <c>configuration</c> of its manifest; null accepts any section.</param>
    /// <returns>Every error of its section; when there are any, its schema is not added and the configuration is as before.</returns>
    public ImmutableArray<FieldError> AddPlugin(string id, JsonObject? schema)
    {
        var errors = new SourceErrors();
        var compiled = schema is null ? JsonSchema.Any : JsonSchema.Compile(Parse(schema, $"manifest of {id}", errors), errors, "/configuration");
        if (errors.Any)
            return errors.All;
        lock (_lock)
        {
            try
            {
                var plugins = _plugins.SetItem(id, compiled);
                if (schema is null && !_plugins.ContainsKey(id) && !HasPluginSections())
                {
                    // The common case, once a plugin at each start: nothing to validate and no default to add.
                    _plugins = plugins;
                    return [];
                }

                // The files are not read again: hundreds of plugins come up at a start, and an edit takes effect by a reload only.
                _state = Compose(_state.Sources, plugins, errors);
                _plugins = plugins;
                _provider.Set(_state.Flat(SchemaOf));
                return [];
            }
            catch (NexusException e)
            {
                return e.Errors;
            }
        }
    }

    /// <summary>Known plugins whose sections may be nested by the dots of their ids.</summary>
    internal IEnumerable<string> ListNestedIds() => NestedIds(_plugins);

    /// <summary>Forgets a plugin's schema; its defaults go with the next reload.</summary>
    public void RemovePlugin(string id)
    {
        lock (_lock)
            _plugins = _plugins.Remove(id);
    }

    /// <summary>Replaces the stored settings (<c>core/settings</c>) and reloads.</summary>
    /// <exception cref="NexusException">They do not validate; nothing changed.</exception>
    public ConfigurationChange SetStored(JsonObject settings)
    {
        var errors = new SourceErrors();
        var stored = Place(Parse(settings, "stored", errors));
        lock (_lock)
        {
            // Alone first: a value that a variable or an option hides now must not wait there to break a later start.
            var alone = ConformPlugins(SourceMerge.Conform(stored, Platform.Value, loose: false), _plugins, loose: false);
            Platform.Value.Check(alone, errors, "", typedBySchema: true, isPart: true);
            CheckPlugins(alone, _plugins, errors, isPart: true);
        }

        errors.ThrowIfAny(ErrorCodes.ConfigurationError, "The stored settings");
        return Apply(stored);
    }

    /// <summary>Reads all sources again.</summary>
    /// <exception cref="NexusException">They do not validate; nothing changed.</exception>
    public ConfigurationChange Reload() => Apply(_stored);

    /// <summary>Reloads when a file changes, once it has been quiet for a while, and when an endpoint serves other settings than before.</summary>
    /// <param name="quiet">How long no file may change before they are read.</param>
    /// <param name="time">The clock.</param>
    public void Watch(TimeSpan quiet, TimeProvider time)
    {
        lock (_lock)
        {
            _watch ??= new ConfigurationWatch(_state.Sources.Files, quiet, time, ReloadFromWatch);
            // Each look begins the wait for the next one: a slow endpoint is not asked twice at a time.
            if (_state.Sources.Remote is { } remote)
                _refresh ??= time.CreateTimer(_ => Refresh(remote.Interval), null, remote.Interval, Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _watch?.Dispose();
        _refresh?.Dispose();
        _remote.Dispose();
        (Root as IDisposable)?.Dispose();
    }

    private static JsonSchema CompilePlatform()
    {
        var errors = new SourceErrors();
        var root = JsonSource.Read(System.Text.Encoding.UTF8.GetBytes(Schema()), "schemas/nexus-configuration.json", errors);
        var schema = JsonSchema.Compile(root!, errors);
        errors.ThrowIfAny(ErrorCodes.InternalError, "The embedded configuration schema");
        return schema;
    }

    private static SourceNode Parse(JsonObject json, string source, SourceErrors errors) =>
        JsonSource.Read(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()), source, errors) ?? new SourceNode { Kind = SourceKind.Map, Position = new SourcePosition(source) };

    /// <summary>Stored settings have no lines that an operator could open.</summary>
    private static SourceNode Place(SourceNode node) => node with
    {
        Position = new SourcePosition("stored"),
        Elements = [.. node.Elements.Select(Place)],
        Members = [.. node.Members.Select(m => new SourceMember(m.Name, new SourcePosition("stored"), Place(m.Value)))],
    };

    private ConfigurationChange Apply(SourceNode? stored)
    {
        ConfigurationChange change;
        lock (_lock)
        {
            var next = Build(_plugins, stored);
            change = next.ChangesSince(_state, SchemaOf);
            (_state, _stored) = (next, stored);
            if (change.Keys.IsEmpty)
                return change;
            _provider.Set(next.Flat(SchemaOf));
        }

        _provider.Announce();
        Changed?.Invoke(change);
        return change;
    }

    private void Refresh(TimeSpan interval)
    {
        Action? refuse = null;
        try
        {
            refuse = _remote.Refresh();
            if (refuse is not null)
                Reload();
        }
        catch (NexusException e)
        {
            refuse?.Invoke();
            Refused?.Invoke(e);
        }
        catch (ObjectDisposedException)
        {
            return;
        }

        _refresh?.Change(interval, Timeout.InfiniteTimeSpan);
    }

    private void ReloadFromWatch()
    {
        try
        {
            Reload();
        }
        catch (NexusException e)
        {
            Refused?.Invoke(e);
        }
    }

    /// <summary>Reads all sources and joins them.</summary>
    private ConfigurationState Build(ImmutableDictionary<string, JsonSchema> plugins, SourceNode? stored)
    {
        var errors = new SourceErrors();
        var reader = new ConfigurationLayers(_request, _remote, errors);
        var layers = reader.Read(stored);
        return Compose(new ConfigurationSources([.. layers], reader.Environment, reader.Files, reader.Remote), plugins, errors);
    }

    /// <summary>Joins what was read with the defaults and validates the whole.</summary>
    private ConfigurationState Compose(ConfigurationSources sources, ImmutableDictionary<string, JsonSchema> plugins, SourceErrors errors)
    {
        var tree = SourceMerge.Defaults(Platform.Value, new SourcePosition("default"))!;
        foreach (var (id, schema) in plugins)
        {
            if (SourceMerge.Defaults(schema, new SourcePosition("default")) is { } defaults)
                tree = SourceMerge.Merge(tree, Wrap("plugins", Wrap(id, defaults)));
        }

        foreach (var layer in sources.Layers)
        {
            var loose = layer.Position.Source.StartsWith("variable ", StringComparison.Ordinal) || layer.Position.Source.EndsWith(".env", StringComparison.Ordinal);
            tree = SourceMerge.Merge(tree, ConformPlugins(SourceMerge.Conform(layer, Platform.Value, loose), plugins, loose));
        }

        Platform.Value.Check(tree, errors, "", typedBySchema: true);
        CheckPlugins(tree, plugins, errors);
        var state = ConfigurationState.Of(tree, sources);
        if (!errors.Any)
            RunChecks(state, errors);
        errors.ThrowIfAny(ErrorCodes.ConfigurationError, "The configuration");
        return state;
    }

    private static SourceNode Wrap(string name, SourceNode value) => new() { Kind = SourceKind.Map, Position = value.Position, Members = [new SourceMember(name, value.Position, value)] };

    private static SourceNode ConformPlugins(SourceNode layer, ImmutableDictionary<string, JsonSchema> plugins, bool loose) => layer with
    {
        Members =
        [
            .. layer.Members.Select(m => m.Name != "plugins" || m.Value.Kind != SourceKind.Map ? m : m with
            {
                Value = JoinNested(m.Value, NestedIds(plugins)) is var sections ? sections with { Members = [.. sections.Members.Select(p => ConformPlugin(p, plugins, loose))] } : m.Value,
            }),
        ],
    };

    /// <summary>Ids whose sections may be nested by their dots: <c>finance: { ledger: … }</c> is <c>finance.ledger: …</c>, unless <c>finance</c> is a section itself.</summary>
    private static IEnumerable<string> NestedIds(ImmutableDictionary<string, JsonSchema> plugins) =>
        plugins.Keys.Where(id => id.Split('.') is { Length: > 1 } words && !plugins.ContainsKey(words[0]) && !PluginKeys.Contains(words[0]));

    /// <summary>Where a section is there in both spellings, what the whole id says wins.</summary>
    private static SourceNode JoinNested(SourceNode sections, IEnumerable<string> ids)
    {
        foreach (var id in ids)
        {
            if (TakeOut(sections, id.Split('.')) is ({ } nested, var rest))
                sections = SourceMerge.Merge(Wrap(id, nested), rest) with { Position = sections.Position };
        }

        return sections;
    }

    private static (SourceNode? Taken, SourceNode Left) TakeOut(SourceNode sections, ReadOnlySpan<string> path)
    {
        var name = path[0];
        if (sections.Members.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase)) is not { Value.Kind: SourceKind.Map } member)
            return (null, sections);
        if (path.Length == 1)
            return (member.Value, sections with { Members = sections.Members.Remove(member) });
        var (taken, rest) = TakeOut(member.Value, path[1..]);
        return taken is null ? (null, sections) : (taken, sections with { Members = rest.Members.IsEmpty ? sections.Members.Remove(member) : sections.Members.Replace(member, member with { Value = rest }) });
    }

    private static SourceMember ConformPlugin(SourceMember section, ImmutableDictionary<string, JsonSchema> plugins, bool loose)
    {
        // A shell cannot export a name with dots or dashes: NEXUS_PLUGINS__FINANCE_LEDGER__KEY means finance.ledger.
        var id = plugins.Keys.FirstOrDefault(k => string.Equals(k, section.Name, StringComparison.OrdinalIgnoreCase))
            ?? (loose ? plugins.Keys.FirstOrDefault(k => string.Equals(k.Replace('.', '_').Replace('-', '_'), section.Name, StringComparison.OrdinalIgnoreCase)) : null);
        return id is null ? section : section with { Name = id, Value = SourceMerge.Conform(section.Value, plugins[id], loose) };
    }

    private static void CheckPlugins(SourceNode tree, ImmutableDictionary<string, JsonSchema> plugins, SourceErrors errors, bool isPart = false)
    {
        var known = Platform.Value.Properties["plugins"].Properties;
        foreach (var section in tree.Find("plugins")?.Members.Where(m => !known.ContainsKey(m.Name)) ?? [])
        {
            var pointer = SourceErrors.Append("/plugins", section.Name);
            if (section.Value.Kind != SourceKind.Map)
                errors.Add(section.Position, pointer, "unknown_key", $"key {SourceErrors.Quote(section.Name)} is neither a key of 'plugins' nor the section of a plugin{Suggestion.Phrase(section.Name, known.Keys)} (known: {string.Join(", ", known.Keys.Order(StringComparer.Ordinal))})");
            else if (plugins.TryGetValue(section.Name, out var schema))
                schema.Check(section.Value, errors, pointer, typedBySchema: true, isPart);
        }
    }

    private void RunChecks(ConfigurationState state, SourceErrors errors)
    {
        if (_request.Checks.IsEmpty)
            return;
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(state.Flat(SchemaOf)).Build();
        foreach (var error in _request.Checks.SelectMany(check => check(configuration)))
            errors.Add(new SourcePosition(state.SourceOf(error.Pointer)), error.Pointer, error.Code, error.Message);
    }

    private bool HasPluginSections() => _state.Sources.Layers
        .SelectMany(layer => layer.Members.Where(m => string.Equals(m.Name, "plugins", StringComparison.OrdinalIgnoreCase)))
        .Any(plugins => plugins.Value.Members.Any(m => !Platform.Value.Properties["plugins"].Properties.ContainsKey(m.Name)));

    private JsonSchema? SchemaOf(IReadOnlyList<string> path)
    {
        JsonSchema? schema = Platform.Value;
        for (var i = 0; i < path.Count && schema is not null; i++)
        {
            schema = i == 1 && path[0] == "plugins" && _plugins.TryGetValue(path[1], out var plugin) ? plugin
                : schema.Properties.TryGetValue(path[i], out var property) ? property
                : schema.Elements is not null ? schema
                : null;
        }

        return schema;
    }
}
