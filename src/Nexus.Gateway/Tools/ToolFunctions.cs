using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Tools;

/// <summary>Gives each plugin <see cref="ITools"/>.</summary>
/// <param name="host">The host's provider: the runner needs <see cref="IPlugins"/>, which itself asks for all ports, so it is taken when a plugin first uses it.</param>
internal sealed class ToolPorts(IServiceProvider host) : IPluginPorts
{
    /// <inheritdoc/>
    public void Add(IServiceCollection services, PluginPortContext context) =>
        services.AddSingleton<ITools>(_ => new ToolFunctions(host.GetRequiredService<ToolRunner>()));
}

/// <summary>Tools as functions of the current caller.</summary>
internal sealed class ToolFunctions(ToolRunner runner) : ITools
{
    /// <inheritdoc/>
    public async ValueTask<ImmutableArray<AIFunction>> ListAsync(CancellationToken cancellationToken = default) =>
        [.. (await runner.ListAsync(CallerOf(), cancellationToken)).Select(t => new ToolFunction(runner, t))];

    private static CallContext CallerOf() => CallContext.Current is { } context && !ReferenceEquals(context.Caller, Caller.System)
        ? context
        : throw new NexusException(ErrorCodes.AuthenticationRequired, "Tools act for a caller, and this code runs for the platform itself. Use them in a request, or in a task or handler that a caller's request began.");

    /// <summary>Knows its tool by name only: the tool itself holds the plugin's code.</summary>
    private sealed class ToolFunction(ToolRunner runner, Tool tool) : AIFunction
    {
        private readonly JsonElement schema = tool.Input;

        public override string Name { get; } = tool.Name;

        public override string Description { get; } = tool.Description;

        public override JsonElement JsonSchema => schema;

        public override IReadOnlyDictionary<string, object?> AdditionalProperties { get; } = new Dictionary<string, object?>(StringComparer.Ordinal) { ["writes"] = tool.Writes, ["destructive"] = tool.Destructive, ["idempotent"] = !tool.Writes || tool.Repeatable };

        protected override async ValueTask<object?> InvokeCoreAsync(AIFunctionArguments arguments, CancellationToken cancellationToken)
        {
            var caller = CallerOf();
            var found = runner.Find(Name) ?? throw new NexusException(ErrorCodes.ServiceUnavailable, $"The tool {Name} is gone: its plugin was removed or changed.");
            var given = new JsonObject(arguments.Select(a => KeyValuePair.Create(a.Key, NodeOf(a.Key, a.Value))));
            return JsonSerializer.SerializeToElement(await runner.RunAsync(found, caller, JsonSerializer.SerializeToElement(given), cancellationToken));
        }

        private static JsonNode? NodeOf(string name, object? value) => value switch
        {
            null => null,
            JsonElement element => JsonSerializer.SerializeToNode(element),
            JsonNode node => node.DeepClone(),
            string text => JsonValue.Create(text),
            bool truth => JsonValue.Create(truth),
            int number => JsonValue.Create(number),
            long number => JsonValue.Create(number),
            double number => JsonValue.Create(number),
            decimal number => JsonValue.Create(number),
            _ => throw new NexusException(ErrorCodes.ValidationError, $"The argument {name} is neither JSON nor a text, number or truth value.") { Errors = [new FieldError("/" + name, "type", "must be JSON, a text, a number or a truth value.")] },
        };
    }
}
