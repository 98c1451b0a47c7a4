using System.Collections.Immutable;
using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus;

/// <summary>Declares what a resource has beside its fields. Not thread-safe; used within <see cref="IPlugin.Configure"/> only.</summary>
/// <typeparam name="T">The record type.</typeparam>
public sealed class ResourceBuilder<T>
    where T : Resource
{
    private readonly RecordCodec<T> codec;

    internal ResourceBuilder(ResourceDescriptor descriptor, RecordCodec<T> codec) => (Descriptor, this.codec) = (descriptor, codec);

    internal ResourceDescriptor Descriptor { get; set; }

    /// <summary>Declares an index over one or more fields, in order.</summary>
    public ResourceBuilder<T> Index(params Expression<Func<T, object?>>[] fields) => AddIndex(fields, unique: false);

    /// <summary>Declares that no two records of a tenant have equal values in these fields; nulls are distinct.</summary>
    public ResourceBuilder<T> Unique(params Expression<Func<T, object?>>[] fields) => AddIndex(fields, unique: true);

    /// <summary>Puts text fields into the full-text index (<c>q=</c>), the weightier ones first.</summary>
    public ResourceBuilder<T> Search(params Expression<Func<T, object?>>[] fields)
    {
        Descriptor = Descriptor with { Search = [.. Descriptor.Search, .. fields.Select(f => PathOf(f, FieldKind.Text, FieldKind.Multiline, FieldKind.Choice))] };
        return this;
    }

    /// <summary>Says in which language the search fields are, so that words are found by their stems: one of <see cref="SearchLanguages"/>.</summary>
    public ResourceBuilder<T> SearchLanguage(string language)
    {
        Descriptor = SearchLanguages.IsKnown(language) ? Descriptor with { SearchLanguage = language }
            : throw Refused($"'{language}' is no language that search has stems for; those are {SearchLanguages.English} and {SearchLanguages.German}.");
        return this;
    }

    /// <summary>Declares a named change without input.</summary>
    /// <param name="name">kebab-case name.</param>
    /// <param name="run">Computes the record after the action, or throws <see cref="RuleViolationException"/>.</param>
    /// <param name="description">One sentence for people.</param>
    public ResourceBuilder<T> Action(string name, Func<T, T> run, string? description = null) =>
        AddAction(name, [], description, (_, change, _) => new(run(codec.Read(change.Before))));

    /// <summary>Declares a named change without input that needs services of the plugin.</summary>
    public ResourceBuilder<T> Action(string name, Func<T, IServiceProvider, CancellationToken, ValueTask<T>> run, string? description = null) =>
        AddAction(name, [], description, (services, change, token) => run(codec.Read(change.Before), services, token));

    /// <summary>Declares a named change with typed input; the input's properties are described and validated like fields.</summary>
    public ResourceBuilder<T> Action<TInput>(string name, Func<T, TInput, T> run, string? description = null) =>
        AddAction(name, InputOf<TInput>(), description, (_, change, _) => new(run(codec.Read(change.Before), codec.Read<TInput>(change.Input))));

    /// <summary>Declares a named change with typed input that needs services of the plugin.</summary>
    public ResourceBuilder<T> Action<TInput>(string name, Func<T, TInput, IServiceProvider, CancellationToken, ValueTask<T>> run, string? description = null) =>
        AddAction(name, InputOf<TInput>(), description, (services, change, token) => run(codec.Read(change.Before), codec.Read<TInput>(change.Input), services, token));

    /// <summary>Declares a rule that computes the record to store on create, replace and merge, or throws <see cref="RuleViolationException"/>.</summary>
    public ResourceBuilder<T> BeforeWrite(Func<T, T> rule) => BeforeWrite((_, after, _, _) => new(rule(after)));

    /// <summary>Declares a rule that also sees the record before the change (null on create) and services of the plugin.</summary>
    public ResourceBuilder<T> BeforeWrite(Func<T?, T, IServiceProvider, CancellationToken, ValueTask<T>> rule)
    {
        if (Descriptor.BeforeWrite is not null)
        {
            throw Refused("BeforeWrite is declared twice; combine the rules in one.");
        }

        Descriptor = Descriptor with
        {
            BeforeWrite = async (services, change, token) =>
                codec.Write(await rule(change.Before.IsEmpty ? null : codec.Read(change.Before), codec.Read(change.After), services, token).ConfigureAwait(false)),
        };
        return this;
    }

    private ImmutableArray<FieldDescriptor> InputOf<TInput>() => new DescriptorReader(Descriptor.Plugin).ReadFields(typeof(TInput));

    private ResourceBuilder<T> AddAction(string name, ImmutableArray<FieldDescriptor> input, string? description, Func<IServiceProvider, RecordChange, CancellationToken, ValueTask<T>> run)
    {
        if (!DescriptorReader.IsKebabCase(name) || Descriptor.Actions.Any(a => a.Name == name))
        {
            throw Refused($"the action name `{name}` is declared twice or is not kebab-case (a-z, 0-9 and -).");
        }

        Descriptor = Descriptor with
        {
            Actions = Descriptor.Actions.Add(new ActionDescriptor
            {
                Name = name,
                Description = description,
                Input = input,
                Run = async (services, change, token) => codec.Write(await run(services, change, token).ConfigureAwait(false)),
            }),
        };
        return this;
    }

    private ResourceBuilder<T> AddIndex(Expression<Func<T, object?>>[] fields, bool unique)
    {
        Descriptor = Descriptor with { Indexes = Descriptor.Indexes.Add(new([.. fields.Select(f => PathOf(f))], unique)) };
        return this;
    }

    private string PathOf(LambdaExpression field, params ReadOnlySpan<FieldKind> kinds)
    {
        string path = FilterTranslator.PathOf(field.Body) is { Length: > 0 } found ? found : throw Refused($"`{field}` does not name a field.");
        FieldDescriptor? descriptor = null;
        var fields = Descriptor.Fields;
        foreach (string name in path.Split('.'))
        {
            descriptor = fields.FirstOrDefault(f => f.Name == name);
            fields = descriptor?.Fields ?? [];
        }

        if (descriptor is null ? kinds.Length > 0 || !DescriptorReader.PlatformFields.Contains(path) : descriptor.Secret || (kinds.Length > 0 && !kinds.Contains(descriptor.Kind)))
        {
            throw Refused($"`{field}` cannot be indexed: it is no stored field, is secret, or is not of an allowed kind{(kinds.Length > 0 ? $" ({string.Join(", ", kinds.ToArray())})" : "")}.");
        }

        return path;
    }

    private NexusException Refused(string reason) =>
        new(ErrorCodes.PluginLoadFailed, $"Resource {Descriptor.Name} of plugin {Descriptor.Plugin}: {reason}");
}

/// <summary>Declares resources.</summary>
public static class ResourceBuilderExtensions
{
    /// <summary>Declares a stored thing. Its REST routes, GraphQL and gRPC types, live updates, console pages, commands, tools, permissions and events follow from it.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="name">Plural kebab-case name, such as <c>orders</c>; a path segment.</param>
    /// <param name="declare">Indexes, search fields, actions and rules.</param>
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c>, naming the property that has no field kind and what is allowed.</exception>
    public static IPluginBuilder AddResource<T>(this IPluginBuilder plugin, string name, Action<ResourceBuilder<T>>? declare = null)
        where T : Resource
    {
        ArgumentNullException.ThrowIfNull(plugin);
        var codec = new RecordCodec<T>(name);
        var builder = new ResourceBuilder<T>(new DescriptorReader(plugin.Id).Read(typeof(T), name), codec);
        declare?.Invoke(builder);
        plugin.Services.AddSingleton(codec);
        return Declare<T>(plugin, builder.Descriptor);
    }

    internal static IPluginBuilder Declare<T>(IPluginBuilder plugin, ResourceDescriptor descriptor)
    {
        plugin.Services.AddSingleton(new DeclaredName(typeof(T).FullName!, descriptor.Name));
        plugin.Contribute(new ResourceContribution(descriptor));
        ResolveTargets(plugin.Services);
        return plugin;
    }

    // References may point to resources that are declared before or after: each declaration settles what is known by then.
    private static void ResolveTargets(IServiceCollection services)
    {
        var names = services.Select(s => s.ImplementationInstance).OfType<DeclaredName>().DistinctBy(n => n.Type).ToDictionary(n => n.Type, n => n.Name, StringComparer.Ordinal);
        for (int i = 0; i < services.Count; i++)
        {
            if (services[i].ImplementationInstance is ResourceContribution { Descriptor: var descriptor })
            {
                var resolved = descriptor with
                {
                    Fields = WithTargets(descriptor.Fields, names),
                    Actions = [.. descriptor.Actions.Select(a => a with { Input = WithTargets(a.Input, names) })],
                };
                services[i] = ServiceDescriptor.Singleton<Contribution>(new ResourceContribution(resolved));
            }
        }
    }

    private static ImmutableArray<FieldDescriptor> WithTargets(ImmutableArray<FieldDescriptor> fields, Dictionary<string, string> names) =>
        [.. fields.Select(f => WithTarget(f, names))];

    private static FieldDescriptor WithTarget(FieldDescriptor field, Dictionary<string, string> names) => field with
    {
        Target = field.Target is { } target ? names.GetValueOrDefault(target, target) : null,
        Element = field.Element is { } element ? WithTarget(element, names) : null,
        Fields = WithTargets(field.Fields, names),
    };

    private sealed record DeclaredName(string Type, string Name);

    /// <summary>Says in one sentence what the resource is.</summary>
    public static ResourceBuilder<T> Describe<T>(this ResourceBuilder<T> resource, string description)
        where T : Resource
    {
        ArgumentNullException.ThrowIfNull(resource);
        resource.Descriptor = resource.Descriptor with { Description = description };
        return resource;
    }

    /// <summary>Sets the version of the stored form and how older records are brought to it.</summary>
    /// <param name="resource">The resource.</param>
    /// <param name="version">From 1; grows when stored records must be rewritten.</param>
    /// <param name="upgrade">Takes the version a record was stored with and its declared fields, returns the current ones; null when the new fields have defaults.</param>
    public static ResourceBuilder<T> Version<T>(this ResourceBuilder<T> resource, int version, RecordUpgrade? upgrade = null)
        where T : Resource
    {
        ArgumentNullException.ThrowIfNull(resource);
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        resource.Descriptor = resource.Descriptor with { SchemaVersion = version, Upgrade = upgrade };
        return resource;
    }
}
