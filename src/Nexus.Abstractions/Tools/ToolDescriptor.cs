using System.Collections.Immutable;

namespace Nexus;

/// <summary>A tool that a plugin declares beside those of its resources, inert but for its handler.</summary>
public sealed record ToolDescriptor
{
    /// <summary>kebab-case name, unique in the plugin.</summary>
    public required string Name { get; init; }

    /// <summary>What it does and when to use it, for the model.</summary>
    public required string Description { get; init; }

    /// <summary>Permission that a caller needs; <c>{plugin}:use</c> unless said otherwise.</summary>
    public required string Permission { get; init; }

    /// <summary>Fields of its input.</summary>
    public ImmutableArray<FieldDescriptor> Input { get; init; } = [];

    /// <summary>It changes something: a person approves the exact call first, unless the caller has <c>platform.tools:write</c>.</summary>
    public bool Writes { get; init; }

    /// <summary>It removes or overwrites.</summary>
    public bool Destructive { get; init; }

    /// <summary>The same call twice is as once.</summary>
    public bool Idempotent { get; init; }

    /// <summary>The resource of whose record the answer has the <c>id</c>, <c>{plugin}.{name}</c> or <c>{name}</c> of the same plugin: surfaces with types answer that record. Null when it is of none.</summary>
    public string? Returns { get; init; }

    /// <summary>Time limit of one call.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Carries it out; given a scope of the plugin's provider and the validated input as UTF-8 JSON, returns UTF-8 JSON. Called under the plugin's lease.</summary>
    public required ToolHandler Run { get; init; }
}

/// <summary>Carries out a tool of a plugin.</summary>
public delegate ValueTask<ReadOnlyMemory<byte>> ToolHandler(IServiceProvider services, ReadOnlyMemory<byte> input, CancellationToken cancellationToken);

/// <summary>A tool.</summary>
/// <param name="Descriptor">Name, description, input, handler.</param>
public sealed record ToolContribution(ToolDescriptor Descriptor) : Contribution;

/// <summary>Declares tools for models.</summary>
public static class ToolPluginExtensions
{
    /// <summary>Declares a tool. The fields of <typeparamref name="TInput"/>, with their validation attributes and descriptions, are its input schema.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="name">kebab-case name, such as <c>convert-currency</c>; models see it as <c>{plugin}_{name}</c>.</param>
    /// <param name="description">What it does and when to use it, for the model.</param>
    /// <param name="run">Carries it out on behalf of <see cref="CallContext.Current"/>.</param>
    /// <param name="adjust">Says whether it changes something, which permission it needs; <c>tool => tool with { Writes = true }</c>.</param>
    public static IPluginBuilder AddTool<TInput, TResult>(this IPluginBuilder plugin, string name, string description, Func<IServiceProvider, TInput, CancellationToken, Task<TResult>> run, Func<ToolDescriptor, ToolDescriptor>? adjust = null)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentException.ThrowIfNullOrWhiteSpace(description);
        ArgumentNullException.ThrowIfNull(run);
        if (!DescriptorReader.IsKebabCase(name))
            throw new NexusException(ErrorCodes.PluginLoadFailed, $"Plugin {plugin.Id}: the tool name `{name}` is not kebab-case (a-z, 0-9 and -, starting with a letter).");
        var declared = new ToolDescriptor
        {
            Name = name,
            Description = description,
            Permission = $"{plugin.Id}:use",
            Input = new DescriptorReader(plugin.Id).ReadFields(typeof(TInput)),
            Run = async (services, input, token) => JsonCodec.For<TResult>().Serialize(await run(services, JsonCodec.For<TInput>().Deserialize(input.Span)!, token).ConfigureAwait(false)),
        };
        return plugin.Contribute(new ToolContribution(adjust?.Invoke(declared) ?? declared));
    }
}
